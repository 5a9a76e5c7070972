// Cloudflare's own error pages: they come from its edge, in the Worker's place.

import { Fault } from "./verdicts.mjs";

const tail = "`npx wrangler tail` shows the exception; deploy a release that works";
const dashboard = "the dashboard says which rule it was (Security, Events): have it skip this host";
const record = "a DNS record leads past the Worker: make the host a custom domain of it (docs/deploy.md, step 3)";

/** https://developers.cloudflare.com/support/troubleshooting/: what it is, and what to do. */
const codes = {
  1000: ["the name leads to a forbidden address", record],
  1001: ["the name is not resolved at Cloudflare", record],
  1003: ["the host was asked by its address", "use the name"],
  1006: ["this address is banned", dashboard],
  1007: ["this address is banned", dashboard],
  1008: ["this address is banned", dashboard],
  1009: ["this country is banned", dashboard],
  1010: ["this client is banned by its signature", dashboard],
  1012: ["this address is banned", dashboard],
  1014: ["the name leads into another account", record],
  1015: ["a rate limiting rule of the zone", "wait, or raise that rule: a pull is N + 5 requests for N layers"],
  1016: ["the name leads to an origin without an address", record],
  1020: ["a firewall rule of the zone", dashboard],
  1027: ["the day's quota of the free plan is used up", "wait for midnight UTC, or take the paid plan, which has no daily end"],
  1033: ["the tunnel behind the name is down", record],
  1042: ["a Worker that asks another one of its own zone", "mend what leads back to this host in REGISTRIES"],
  1101: ["the Worker threw an exception", tail],
  1102: ["the Worker used more than its CPU time or memory", "try again; if it stays so, take the paid plan, whose limits are higher"],
  1104: ["the Worker's script cannot be found", "deploy it again (`npm run deploy`)"],
  520: ["the origin's answer is none", record],
  521: ["the origin refuses connections", record],
  522: ["the origin does not answer", record],
  523: ["the origin cannot be reached", record],
  524: ["the origin took too long", record],
  525: ["no TLS with the origin", record],
  526: ["the origin's certificate is not valid", record],
  530: ["the edge cannot find the origin", record],
};

/** The fault of an answer that is one of Cloudflare's own pages; of any other, nothing. */
export function ofTheEdge({ status, headers, bytes }) {
  if (headers["cf-mitigated"]) return new Fault("bot-check");
  const isEdge = headers.server === "cloudflare" || "cf-ray" in headers;
  if (!isEdge || /json/.test(headers["content-type"])) return undefined;
  const text = bytes.toString().replace(/<[^>]*>/g, " ");
  const named = text.match(/\berror(?:\s+code)?:?\s+(1\d{3}|5[23]\d)\b/i)?.[1];
  const code = named ?? (status >= 520 && status <= 530 ? status : undefined);
  if (!code) return undefined;
  const [what, cure] = codes[code] ?? ["", `see Cloudflare's page on error ${code}`];
  return new Fault("cloudflare", { code, what, cure });
}
