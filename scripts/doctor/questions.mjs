// The questions of the runbook, in their order. Each says what it has found, or throws a `Fault`: what comes behind makes no sense then.

import { readChallenge, tokenAddress } from "../distribution.mjs";
import { blame, describe, hostOf } from "./blame.mjs";
import { Fault } from "./verdicts.mjs";

/** How much of a layer is asked for, and how large one is fetched whole. */
const part = 1024;
const small = 1 << 20;

const digest = /^sha(256|512):[0-9a-f]{64,}$/;

const parsed = (bytes) => {
  try {
    return JSON.parse(bytes);
  } catch {
    return undefined;
  }
};

async function dns({ host, wire }) {
  const addresses = (await wire.find(host.name)).map(({ address }) => address);
  const nowhere = addresses.find((address) => address === "0.0.0.0" || address === "::");
  if (nowhere) throw new Fault("nowhere", { host: host.name, address: nowhere });
  return addresses.join(" ");
}

const tcp = async ({ host, wire }) => `${await wire.connect(host)}, port ${host.port}`;

async function tls({ host, wire }) {
  if (!host.secure) return "none on this machine: plain http";
  const { protocol, problem, certificate } = await wire.greet(host);
  const { subjectaltname, issuer = {}, valid_from: from, valid_to: until } = certificate;
  const facts = { host: host.name, names: subjectaltname?.replace(/DNS:/g, ""), issuer: issuer.O ?? issuer.CN ?? "nobody", from, until };
  switch (problem?.code ?? problem) {
    case undefined:
    case null:
      return `${protocol}, certificate of ${facts.issuer} until ${until}`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      throw new Fault("other-name", facts);
    case "CERT_HAS_EXPIRED":
      throw new Fault("expired", facts);
    case "CERT_NOT_YET_VALID":
      throw new Fault("not-yet", facts);
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      throw new Fault("self-signed", facts);
    default:
      throw new Fault("untrusted", { ...facts, why: problem.code ?? problem });
  }
}

async function healthz(visit) {
  // It is there for everybody, and nobody but the proxy is to see its key.
  const answer = await visit.wire.ask(new URL("/healthz", visit.host.origin));
  if (answer.status !== 200 || answer.bytes.toString() !== "ok\n") throw await somebodyElse(visit, answer);
  const status = await visit.ask("/status");
  // Strangers are not told.
  if (status.status !== 200) return "a pierhead";
  visit.site = parsed(status.bytes);
  if (!visit.site?.registries) return "a pierhead, whose /status is somebody else's";
  const { version, gateway, registry } = visit.site;
  return `pierhead ${version}, ${gateway ? `a gateway; without a registry's name ${registry}` : `for ${registry}`}`;
}

/** Who it is that does not know `/healthz`. */
async function somebodyElse({ host, wire }, answer) {
  const fault = blame(answer);
  if (fault.kind !== "between" && fault.kind !== "absent") return fault;
  const ping = await wire.ask(new URL("/v2/", host.origin));
  const { realm } = readChallenge(ping.headers["www-authenticate"]);
  if (realm) return new Fault("other-proxy", { to: hostOf(realm) });
  if ("docker-distribution-api-version" in ping.headers) return new Fault("other-proxy");
  return new Fault("not-pierhead", { what: describe(answer) });
}

async function ping(visit) {
  const answer = await visit.registry("");
  const { status, headers } = answer;
  // A user is expected to come with a token.
  const gate = status === 401 && headers["x-pierhead-error"] && visit.blame(answer);
  if (gate && gate.kind !== "login-wrong") throw gate;
  if (status !== 200 && status !== 401) throw visit.blame(answer);
  visit.challenge = status === 401 ? (headers["www-authenticate"] ?? "") : undefined;
  return status === 401 ? "401, as it should be" : "200: nobody need show a token";
}

function challenge(visit) {
  const text = visit.challenge;
  if (text === undefined) return "none";
  if (text === "") throw new Fault("no-challenge");
  const { scheme, realm, service } = readChallenge(text);
  if (scheme === "basic") {
    if (!visit.login) throw new Fault("basic");
    visit.authorization = visit.login;
    return "Basic: the login goes to the registry as it is";
  }
  if (!URL.canParse(realm)) throw new Fault("no-realm", { challenge: text });
  const { origin, host } = new URL(realm);
  if (host !== visit.host.authority) throw new Fault("realm-elsewhere", { to: host });
  if (origin !== visit.host.origin) throw new Fault("realm-scheme", { realm: origin, origin: visit.host.origin });
  visit.realm = { realm, service, scope: `repository:${visit.image.repository}:pull` };
  return `Bearer, tokens at ${realm}`;
}

async function token(visit) {
  if (!visit.realm) return "none needed";
  const headers = visit.login && { authorization: visit.login };
  const answer = await visit.ask(tokenAddress(visit.realm), { headers });
  const refused = answer.status !== 200 && visit.blame(answer);
  if (refused?.kind === "private" && visit.login) throw new Fault("login-refused", refused.facts);
  if (refused) throw refused;
  const reply = parsed(answer.bytes);
  if (reply === undefined) throw new Fault("no-json", { what: describe(answer, { secret: true }) });
  const given = reply?.token ?? reply?.access_token;
  if (typeof given !== "string" || !given) throw new Fault("no-token");
  visit.hide(given);
  visit.authorization = `Bearer ${given}`;
  return `good for ${reply.expires_in ?? 60} s${visit.login ? "" : ", anonymous"}`;
}

async function head(visit) {
  const answer = await visit.manifest(visit.image.reference, "HEAD");
  const { status, headers } = answer;
  if (status !== 200) {
    // A HEAD has no words. Who is asked for all of it has.
    const whole = await visit.manifest(visit.image.reference);
    throw whole.status === 200 ? new Fault("no-head", { status }) : visit.blame(whole);
  }
  visit.length = headers["content-length"];
  if (visit.length === undefined) throw new Fault("no-length");
  return remember(visit, answer);
}

/** What is said beside a manifest. */
function remember(visit, { headers }) {
  const cache = headers["x-pierhead-cache"];
  visit.stale ||= cache === "stale" || /^110 /.test(headers.warning);
  const type = headers["content-type"]?.replace(/;.*/, "") ?? "nothing";
  if (!/^application\/vnd\..*\bmanifest|image\.index/.test(type)) throw new Fault("no-type", { type });
  if (!digest.test(headers["docker-content-digest"])) throw new Fault("no-digest");
  return [headers["docker-content-digest"].slice(0, 19), `${headers["content-length"] ?? "?"} bytes`, cache].filter(Boolean).join(", ");
}

async function manifest(visit) {
  const { reference } = visit.image;
  const answer = await visit.manifest(reference);
  if (answer.status !== 200) throw visit.blame(answer);
  const said = remember(visit, answer);
  const named = reference.includes(":") ? reference : answer.headers["docker-content-digest"];
  const bytes = visit.verified(answer, "the manifest", { digest: named });
  if (Number(visit.length) !== bytes.length) throw new Fault("other-length", { said: visit.length, size: bytes.length });
  visit.found = manifestOf(bytes);
  return said;
}

/** A manifest or an index, whose parts have names. */
function manifestOf(bytes) {
  const manifest = parsed(bytes);
  if (!manifest || typeof manifest !== "object") throw new Fault("no-manifest", { why: "it is no JSON" });
  const { manifests = [], config, layers = [] } = manifest;
  const nameless = [...manifests, ...layers, ...(config ? [config] : [])].some((part) => !digest.test(part?.digest));
  if (nameless) throw new Fault("no-manifest", { why: "a part of it has no digest" });
  return manifest;
}

const architecture = { x64: "amd64", arm64: "arm64" }[process.arch];

/** The entry of an index that is for this machine, or that stands for all of them. */
const forHere = (entries) => {
  const of = (wanted) => entries.find(({ platform }) => platform?.os === "linux" && platform.architecture === wanted);
  return of(architecture) ?? of("amd64") ?? entries[0];
};

async function platform(visit) {
  const entries = visit.found.manifests;
  if (!entries) return "the image is for one platform";
  const chosen = forHere(entries);
  if (!chosen) throw new Fault("no-manifest", { why: "its index is empty" });
  const { size, platform = {} } = chosen;
  const bytes = visit.verified(await visit.manifest(chosen.digest), "the manifest of a platform", chosen);
  visit.found = manifestOf(bytes);
  return `${platform.os}/${platform.architecture}, ${size} bytes`;
}

async function config(visit) {
  const { config } = visit.found;
  if (!config) return "none";
  visit.verified(await visit.blob(config.digest), "the configuration", config);
  return `${config.size} bytes`;
}

async function blob(visit) {
  const layers = (visit.found.layers ?? []).filter(({ size, urls }) => size > 0 && !urls);
  if (layers.length === 0) return "the image has no layers";
  const layer = layers.reduce((least, other) => (other.size < least.size ? other : least));
  const { size } = layer;
  const last = Math.min(part, size) - 1;
  // Whoever does not know of parts would send all of it.
  const answer = await visit.blob(layer.digest, { headers: { range: `bytes=0-${last}` }, limit: part });
  if (answer.status === 200) throw new Fault("no-range");
  if (answer.status !== 206) throw visit.blame(answer);
  const [said, expected] = [answer.headers["content-range"], `bytes 0-${last}/${size}`];
  if (said !== expected) throw new Fault("other-range", { said, expected });
  if (answer.bytes.length !== last + 1) throw new Fault("other-range", { said: `${answer.bytes.length} bytes`, expected });
  if (size > small) return `the first ${last + 1} of ${size} bytes; of this size it is not fetched whole`;
  const whole = visit.verified(await visit.blob(layer.digest), "a layer", layer);
  if (!whole.subarray(0, last + 1).equals(answer.bytes)) throw new Fault("other-range", { said: "another part", expected });
  return `the first ${last + 1} bytes, and all ${size}, verified`;
}

/** By the names under which they are told. */
export const questions = { dns, tcp, tls, healthz, ping, challenge, token, head, manifest, platform, config, blob };
