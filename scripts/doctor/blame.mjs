// Whose word an answer is that nobody wanted.

import { ofTheEdge } from "./cloudflare.mjs";
import { Fault } from "./verdicts.mjs";

/** Digests as far as a person compares them. */
export const short = (text) => text.replace(/(sha\d+:[0-9a-f]{12})[0-9a-f]{52,}/g, "$1…");

/** What the Worker advises in the end of a message. The table has advice of its own. */
const advice = /(: wait|; (try again|check the image's|the image may be|it may want a login|its operator must)).*/s;

/** The error of a registry's answer, if it has one that clients can read: what is wrong, without what to do. */
const errorOf = ({ bytes }) => {
  try {
    const [{ code, message }] = JSON.parse(bytes).errors;
    return { message: short((message || code).replace(advice, "")) };
  } catch {
    return undefined;
  }
};

export const hostOf = (address, base) => {
  try {
    return new URL(address, base).host;
  } catch {
    return "somewhere";
  }
};

/** An answer in a few words: status, type, and what it is about. Of what may be a secret only a page's title is told. */
export const describe = ({ status, headers, bytes }, { secret } = {}) => {
  const text = bytes.subarray(0, 4096).toString();
  const title = text.match(/<title[^>]*>([^<]*)/i)?.[1] ?? (secret ? "" : text.replace(/<[^>]*>/g, " "));
  const about = title.replace(/[\s\p{Cc}\p{Cf}”]+/gu, " ").trim();
  const server = headers.server && `server ${headers.server}`;
  const type = headers["content-type"]?.replace(/;.*/, "");
  return [status, type, about && `“${about}”`, server].filter(Boolean).join(", ");
};

/** What the Worker says of an upstream tells which one it was. */
const upstreams = [
  [/^the token server |^the reply of /, "token-server"],
  [/^the storage at /, "storage"],
  [/own account/, "account-refused"],
  [/ has the digest | tells of |broke off| is no `|web page|with a manifest|longer than|redirect|no answer to this/, "untrue"],
];

/** An error of the Worker's own. */
const ofTheWorker = ({ status, headers }, { message }, { key, login, token }) => {
  switch (headers["x-pierhead-error"]) {
    case "UNAUTHORIZED":
      if (token) return new Fault(/^this proxy is for/.test(message) ? "authorization-lost" : "token-refused", { message });
      if (/know its key/.test(message)) return new Fault(key ? "key-wrong" : "key-missing");
      return new Fault(login ? "login-wrong" : "login-missing");
    case "DENIED":
      return new Fault("rule", { message });
    case "TOOMANYREQUESTS":
      return new Fault("limiter", { message });
    case "UNAVAILABLE":
      if (status === 500) return new Fault("misconfigured", { setting: message.match(/see `([^`]+)`/)?.[1] ?? message });
      return new Fault(upstreams.find(([words]) => words.test(message))?.[1] ?? "registry", { message });
    default:
      // A key that is none is a path like any other.
      return new Fault(/^no such path/.test(message) && key ? "key-wrong" : "unserved", { message });
  }
};

/** An error that the Worker has passed on. */
const ofTheRegistry = ({ status, headers }, { message }, { token }) => {
  const after = headers["retry-after"];
  if (status === 404) return new Fault("absent", { message });
  if (status === 429) return new Fault("limited", { message, after });
  if (status >= 500) return new Fault("registry", { message });
  // What the Worker has not asked the registry is not marked.
  if (token && status === 401 && !headers["x-pierhead-cache"]) return new Fault("loop", { status });
  return new Fault("private", { message });
};

/** The fault of an answer; `shown` is what was asked with: `key`, `login`, `token`. */
export function blame(answer, shown = {}) {
  const { status, headers } = answer;
  const error = errorOf(answer);
  if (error && headers["x-pierhead-error"]) return ofTheWorker(answer, error, shown);
  const edge = ofTheEdge(answer);
  if (edge) return edge;
  if (status >= 300 && status < 400) return new Fault("led-away", { where: hostOf(headers.location) });
  if (error) return ofTheRegistry(answer, error, shown);
  return new Fault("between", { what: describe(answer) });
}
