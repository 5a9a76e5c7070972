// A visit to one proxy for one image: how it is asked, and what has been found out so far.

import { digestOf, manifestTypes } from "../distribution.mjs";
import { blame, hostOf, short } from "./blame.mjs";
import { Fault, wrong } from "./verdicts.mjs";

export class Visit {
  /** A `Bearer` or `Basic`, once there is one. */
  authorization;
  /** What the proxy says of itself, if it does. */
  site;
  /** The manifest that has been read last. */
  found;
  /** Where blobs are handed on to. */
  handedOn;
  /** The registry's word was not to be had. */
  stale = false;
  #secrets = new Set();

  constructor({ host, image, login, key, wire }) {
    Object.assign(this, { host, image, wire, login: login && `Basic ${Buffer.from(login).toString("base64")}` });
    this.key = host.key ?? key;
    [this.key, login, login?.replace(/^[^:]*:/, ""), this.login?.slice("Basic ".length)].forEach((secret) => this.hide(secret));
  }

  /** What is no client's to see is in nothing that is printed. */
  hide(secret) {
    // Too short a one would be found in ordinary words; it is not printed anyway, unless somebody repeats it.
    if (secret?.length > 5) [secret, encodeURIComponent(secret)].forEach((text) => this.#secrets.add(text));
  }

  /** A text with words of somebody else's as it may be shown: on one line, without secrets, and not too long. */
  plain(text) {
    text = text.replace(/[\p{Cc}\p{Cf}]+/gu, " ");
    for (const secret of this.#secrets) text = text.replaceAll(secret, "…");
    return text.replace(/“([^”]{60})[^”]*”/g, "“$1…”").slice(0, 2000);
  }

  /** What sentences are about. */
  get about() {
    return { host: this.host.authority, image: `\`${this.image.text}\``, registry: `\`${this.image.registry}\`` };
  }

  /** The fault of an answer that nobody wanted. */
  blame(answer) {
    const fault = blame(answer, { key: this.key, login: this.login, token: this.authorization });
    // What a manifest names is there, as long as that is.
    return fault.kind === "absent" && this.found ? new Fault("lost", fault.facts) : fault;
  }

  url(path) {
    const { origin, key } = this.host;
    return new URL(`${key ? `/${key}` : ""}${path}`, origin);
  }

  /** Asks the proxy itself; with a `path`, or at an address of its own. */
  ask(place, { headers = {}, ...options } = {}) {
    const url = typeof place === "string" ? this.url(place) : place;
    // A key in the address needs no header, and clients have but one of them.
    const key = this.key && !this.host.key && { "x-pierhead-key": this.key };
    return this.wire.ask(url, { ...options, headers: { ...key, ...headers } });
  }

  /** Asks the registry of the image, by the one spelling that every host of the proxy's knows. */
  registry(path, { headers, ...options } = {}) {
    const authorization = this.authorization && { authorization: this.authorization };
    return this.ask(`/${this.image.registry}/v2/${path}`, { ...options, headers: { ...authorization, ...headers } });
  }

  /** A manifest's answer, be it good or not. */
  manifest(reference, method = "GET") {
    const headers = { accept: manifestTypes.join(", ") };
    return this.registry(`${this.image.repository}/manifests/${reference}`, { method, headers });
  }

  /** A blob's answer, from wherever it is handed on to. */
  async blob(digest, options) {
    const answer = await this.registry(`${this.image.repository}/blobs/${digest}`, options);
    if (!isRedirect(answer)) return answer;
    const to = hostOf(answer.headers.location, this.host.origin);
    if (!answer.headers["x-pierhead-cache"]) throw new Fault("not-proxied", { to });
    this.handedOn = to;
    try {
      return await this.#follow(answer.headers.location, options);
    } catch (fault) {
      if (!(fault instanceof Fault) || fault.kind === "handed-on") throw fault;
      throw new Fault("handed-on", { to, why: wrong(fault, { host: to }) });
    }
  }

  /** As a client does: without what it has shown to the proxy. */
  async #follow(location, options) {
    let base = this.host.origin;
    for (let hop = 0; hop < 5; hop += 1) {
      const to = hostOf(location, base);
      if (!URL.canParse(location, base)) throw new Fault("handed-on", { to, why: "the address is none" });
      const url = new URL(location, base);
      if (!/^https?:$/.test(url.protocol)) throw new Fault("handed-on", { to, why: `the address is one of ${url.protocol}` });
      const answer = await this.wire.ask(url, options);
      if (answer.status >= 400) throw new Fault("handed-on", { to, why: `the answer is ${answer.status}` });
      if (!isRedirect(answer)) return answer;
      [location, base] = [answer.headers.location, url];
    }
    throw new Fault("handed-on", { to: hostOf(location, base), why: "the redirects do not end" });
  }

  /** The bytes of an answer, once they are what they are said to be. */
  verified(answer, what, { digest, size }) {
    if (answer.status !== 200) throw this.blame(answer);
    const { bytes, headers } = answer;
    const found = digestOf(bytes, digest.split(":")[0]);
    if (found !== digest) {
      const encoding = headers["content-encoding"];
      throw new Fault("other-digest", { what, found: short(found), digest: short(digest), encoding });
    }
    if (size !== undefined && size !== bytes.length) throw new Fault("other-size", { what, size: bytes.length, said: size });
    return bytes;
  }
}

const isRedirect = ({ status, headers }) => status >= 300 && status < 400 && "location" in headers;
