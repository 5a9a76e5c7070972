// One question over the wire: an address, a connection, a request. What goes wrong with it is a `Fault`.
//
// Node's own `fetch` hides too much: which name or certificate it was, whether a body stalled or was cut off, and it does not know
// that `*.localhost` is this machine.

import { lookup } from "node:dns/promises";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import { isLoopback } from "./subject.mjs";
import { Fault } from "./verdicts.mjs";

/** What is read of an answer, in bytes: more than a manifest may have. */
const most = 8 << 20;

const here = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
];

/** What Node calls it, and what it is. */
const names = {
  EAI_AGAIN: "no-name-server",
  ENOTFOUND: "no-address",
  ECONNREFUSED: "refused",
  ECONNRESET: "hung-up",
  EPIPE: "hung-up",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ETIMEDOUT: "unreachable",
};

const named = (error, facts) => {
  if (error instanceof Fault) return error;
  const kind = names[error.code] ?? (/^HPE_/.test(error.code) ? "no-http" : undefined);
  return new Fault(kind ?? "broken", { ...facts, why: error.code ?? error.message });
};

const until = (socket, event) => new Promise((resolve, reject) => socket.once(event, resolve).on("error", reject));

/** A host's name as sockets take it: addresses without brackets. */
const bare = (name) => name.replace(/[[\]]/g, "");

export class Wire {
  #addresses = new Map();

  /** `seconds` is how long one question may take. */
  constructor(seconds) {
    this.seconds = seconds;
  }

  /** The addresses of a name: those it had when it was first asked for. */
  async find(host) {
    if (!this.#addresses.has(host)) {
      const found = isLoopback(host) && !net.isIP(bare(host)) ? here : lookup(bare(host), { all: true });
      this.#addresses.set(host, found);
      if (found !== here) await this.#within(found, "no-name-server", { host });
    }
    return this.#addresses.get(host);
  }

  #lookup = (host, { all }, done) => {
    this.find(host).then(
      (found) => (all ? done(null, found) : done(null, found[0].address, found[0].family)),
      (fault) => done(fault),
    );
  };

  /** Whether somebody listens. */
  async connect({ name, port }) {
    const socket = net.connect({ host: bare(name), port, lookup: this.#lookup });
    const facts = { host: name, port };
    try {
      await this.#within(until(socket, "connect"), "unreachable", facts);
      return socket.remoteAddress;
    } finally {
      socket.destroy();
    }
  }

  /** Greets as a client does, and looks at the certificate, be it a good one or not. Nothing else is sent. */
  async greet({ name, port }) {
    const host = bare(name);
    const servername = net.isIP(host) ? undefined : host;
    const socket = tls.connect({ host, port, servername, lookup: this.#lookup, rejectUnauthorized: false });
    const facts = { host: name, port };
    try {
      await this.#within(until(socket, "secureConnect"), "no-handshake", facts);
      return { protocol: socket.getProtocol(), problem: socket.authorizationError, certificate: socket.getPeerCertificate() };
    } catch (fault) {
      if (!/SSL|EPROTO/.test(fault.facts.why)) throw fault.kind === "hung-up" ? new Fault("no-handshake", facts) : fault;
      throw new Fault(/WRONG_VERSION|PACKET_LENGTH/.test(fault.facts.why) ? "no-tls" : "no-handshake", fault.facts);
    } finally {
      socket.destroy();
    }
  }

  /** What came of something within the time there is. */
  async #within(work, late, facts) {
    let timer;
    const end = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Fault(late, { ...facts, seconds: this.seconds })), this.seconds * 1000);
    });
    try {
      return await Promise.race([work, end]);
    } catch (error) {
      throw named(error, facts);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks, and reads the answer to its end, or to `limit` bytes. No redirect is followed. */
  ask(url, { method = "GET", headers = {}, limit = most } = {}) {
    const { request } = url.protocol === "https:" ? https : http;
    return new Promise((resolve, reject) => {
      const body = { chunks: [], got: 0, latest: Date.now() };
      let answer;
      const progress = () => ({ host: url.host, seconds: this.seconds, got: body.got, of: answer?.headers["content-length"] });
      const fail = (error) => {
        clearTimeout(timer);
        asked.destroy();
        reject(error);
      };
      const late = () => {
        const moving = Date.now() - body.latest < (this.seconds * 1000) / 3;
        const kind = moving ? "slow" : "stalled";
        fail(new Fault(answer ? kind : "silent", progress()));
      };
      const timer = setTimeout(late, this.seconds * 1000);
      const end = () => {
        clearTimeout(timer);
        const { statusCode: status, headers } = answer;
        resolve({ status, headers, bytes: Buffer.concat(body.chunks) });
        asked.destroy();
      };
      const asked = request(url, {
        method,
        headers: { "user-agent": "pierhead-doctor", ...headers },
        agent: false,
        lookup: this.#lookup,
      });
      asked.on("error", (error) => fail(answer ? new Fault("cut", progress()) : named(error, progress())));
      asked.once("response", (response) => {
        answer = response;
        body.latest = Date.now();
        response.on("data", (chunk) => {
          body.chunks.push(chunk);
          body.got += chunk.length;
          body.latest = Date.now();
          if (body.got >= limit) end();
        });
        response.on("error", () => fail(new Fault("cut", progress())));
        response.once("end", () => (response.complete ? end() : fail(new Fault("cut", progress()))));
      });
      asked.end();
    });
  }
}
