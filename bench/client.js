// A container client as a proxy sees it: follows the challenges it gets, and believes nothing that a digest does not prove.

import { createHash } from "node:crypto";
import { Agent, request } from "node:http";

/** One client, with connections of its own. */
export class Client {
  requests = 0;
  #agent = new Agent({ keepAlive: true });

  constructor(proxy) {
    this.proxy = proxy;
  }

  /** One request, to wherever the proxy is; a challenge is none of its business. */
  send(method, path, headers = {}) {
    this.requests += 1;
    const { port, authority } = this.proxy;
    return new Promise((resolve, reject) => {
      const options = { agent: this.#agent, host: "127.0.0.1", port, method, path, headers: { host: authority, ...headers } };
      const sent = request(options, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part)).once("error", reject);
        answer.once("end", () => resolve({ status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(parts) }));
      });
      sent.once("error", reject).end();
    });
  }

  close() {
    this.#agent.destroy();
  }
}

/** What a client asks with one token: containerd has two of these a pull. */
export class Session {
  #authorization;

  constructor(client, repository) {
    this.client = client;
    this.repository = repository;
  }

  /** `GET /v2/`: whoever answers 200 is never shown a token. */
  ping = () => this.#ask("GET", "/v2/");

  /** The digest of a tag. */
  async resolve(tag, accept) {
    const { headers } = await this.#ask("HEAD", this.#path("manifests", tag), accept);
    return headers["docker-content-digest"];
  }

  async tagged(tag, accept) {
    const { headers, bytes } = await this.#ask("GET", this.#path("manifests", tag), accept);
    return JSON.parse(verified(bytes, headers["docker-content-digest"]));
  }

  async manifest(digest, accept) {
    return JSON.parse(verified((await this.#ask("GET", this.#path("manifests", digest), accept)).bytes, digest));
  }

  async blob({ digest }) {
    verified((await this.#ask("GET", this.#path("blobs", digest))).bytes, digest);
  }

  #path = (kind, reference) => `/v2/${this.repository}/${kind}/${reference}`;

  async #ask(method, path, accept) {
    const send = () =>
      this.client.send(method, path, {
        ...(accept && { accept }),
        ...(this.#authorization && { authorization: this.#authorization }),
      });
    let answer = await send();
    if (answer.status === 401) {
      await this.#answerChallenge(answer.headers["www-authenticate"]);
      if (path === "/v2/") return answer; // clients go on, and show the token from then on
      answer = await send();
    }
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status}\n${answer.bytes}`);
    return answer;
  }

  async #answerChallenge(challenge = "") {
    const { realm, service } = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, ...pair]) => pair));
    const { host, pathname } = new URL(realm);
    if (host !== this.client.proxy.authority) throw new Error(`a challenge that leads past the proxy: ${challenge}`);
    const query = new URLSearchParams({ scope: `repository:${this.repository}:pull`, service });
    const { status, bytes } = await this.client.send("GET", `${pathname}?${query}`);
    if (status !== 200) throw new Error(`the token endpoint answers ${status}\n${bytes}`);
    this.#authorization = `Bearer ${JSON.parse(bytes).token}`;
  }
}

function verified(bytes, digest) {
  const actual = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  if (actual !== digest) throw new Error(`expected ${digest}, got ${actual}`);
  return bytes;
}
