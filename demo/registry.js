// The demo registry: a small registry that is as awkward as the large ones. Every request needs a Bearer token from another
// origin; blobs are answered with a redirect to a third one, which refuses requests that bear an Authorization.

import { makeImage } from "./image.js";
import { seal, unseal } from "./seal.js";

const origins = { registry: "registry.demo.test", token: "auth.demo.test", blobs: "blobs.demo.test" };
const repository = "hello";
const tag = "latest";
const tokenSeconds = 60;

export default {
  fetch(request) {
    const url = new URL(request.url);
    if (url.hostname === origins.registry) return registry(request, url);
    if (url.hostname === origins.token) return token(request, url);
    if (url.hostname === origins.blobs) return storage(request, url);
    return new Response(`no such host: ${url.hostname}\n`, { status: 404 });
  },
};

// --- https://registry.demo.test/v2/…

async function registry(request, { pathname }) {
  const [, name, kind, reference] = pathname.match(/^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/) ?? [];
  const refusal = await challenge(request, name);
  if (refusal) return refusal;
  if (request.method !== "GET" && request.method !== "HEAD") return failure(405, "UNSUPPORTED", "this registry only serves pulls");
  if (pathname === "/v2/") return json({});
  if (!name) return failure(404, "UNSUPPORTED", "no such endpoint");
  if (name !== repository) return failure(404, "NAME_UNKNOWN", `the demo registry holds only \`${repository}\``);
  if (kind === "manifests") return manifest(request, reference);
  if (kind === "blobs") return blob(reference);
  if (reference === "list") return json({ name, tags: [tag] });
  return failure(404, "UNSUPPORTED", "no such endpoint");
}

/** The 401 for a request without the token it needs. */
async function challenge(request, name) {
  const needed = name && `repository:${name}:pull`;
  const bearer = request.headers.get("authorization")?.match(/^Bearer (.+)$/i)?.[1];
  const granted = bearer && (await unseal(bearer));
  if (granted && (!needed || granted.includes(needed))) return undefined;

  const parameters = { realm: `https://${origins.token}/token`, service: origins.registry };
  if (needed) parameters.scope = needed;
  if (bearer) parameters.error = granted ? "insufficient_scope" : "invalid_token";
  const list = Object.entries(parameters).map(([key, value]) => `${key}="${value}"`);
  return failure(401, "UNAUTHORIZED", "authentication required", { "www-authenticate": `Bearer ${list.join(",")}` });
}

async function manifest(request, reference) {
  const { index, content } = await image();
  const digest = reference === tag ? index.digest : reference;
  const found = content.get(digest);
  if (!found?.mediaType.match(/\.(index|manifest)\./)) return failure(404, "MANIFEST_UNKNOWN", `no manifest \`${reference}\``);
  const headers = {
    "content-type": found.mediaType,
    "content-length": `${found.bytes.length}`,
    "docker-content-digest": digest,
    etag: `"${digest}"`,
  };
  if (request.headers.get("if-none-match") === headers.etag) return new Response(null, { status: 304, headers });
  return new Response(request.method === "HEAD" ? null : found.bytes, { headers });
}

async function blob(digest) {
  const { content } = await image();
  if (!content.has(digest)) return failure(404, "BLOB_UNKNOWN", `no blob \`${digest}\``);
  const location = `https://${origins.blobs}/${digest}?sig=${await seal(digest, 300)}`;
  return new Response(null, { status: 307, headers: { location, "docker-content-digest": digest } });
}

// --- https://auth.demo.test/token

async function token(request, { pathname, searchParams }) {
  if (pathname !== "/token" || request.method !== "GET") return failure(404, "UNSUPPORTED", "GET /token is all there is");
  if (request.headers.has("authorization")) return failure(401, "UNAUTHORIZED", "this registry has no accounts");
  if (searchParams.get("service") !== origins.registry) return failure(400, "DENIED", "unknown service");
  const granted = searchParams.getAll("scope").filter((scope) => /^repository:[^:]+:pull$/.test(scope));
  return json({
    token: await seal(granted, tokenSeconds),
    expires_in: tokenSeconds,
    issued_at: new Date().toISOString(),
  });
}

// --- https://blobs.demo.test/sha256:…?sig=…

async function storage(request, { pathname, searchParams }) {
  const digest = pathname.slice(1);
  if (request.headers.has("authorization")) return xml(400, "InvalidRequest", "only one authentication mechanism is allowed");
  if ((await unseal(searchParams.get("sig") ?? "")) !== digest) return xml(403, "AccessDenied", "the signature is wrong or expired");
  const { bytes } = (await image()).content.get(digest);
  const [from, to] = range(request.headers.get("range"), bytes.length);
  if (from >= bytes.length) return xml(416, "InvalidRange", "the range starts behind the end");

  const part = bytes.slice(from, to + 1);
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": `${part.length}`,
    "accept-ranges": "bytes",
    etag: `"${digest}"`,
  };
  const partial = part.length < bytes.length;
  if (partial) headers["content-range"] = `bytes ${from}-${to}/${bytes.length}`;
  return new Response(request.method === "HEAD" ? null : part, { status: partial ? 206 : 200, headers });
}

/** First and last byte of `bytes=1-5`, `bytes=1-` and `bytes=-5`; all of them for anything else. */
function range(header, length) {
  const [, first, last] = header?.match(/^bytes=(\d*)-(\d*)$/) ?? [];
  if (first) return [Number(first), Math.min(last ? Number(last) : Infinity, length - 1)];
  if (last) return [Math.max(length - Number(last), 0), length - 1];
  return [0, length - 1];
}

// --- answers

let made;

/** The image, made with the first request and the same in all others. */
async function image() {
  // Kept only once it is there: a promise belongs to the request that made it.
  return (made ??= await makeImage());
}

const json = (value) => Response.json(value);

const failure = (status, code, message, headers) =>
  Response.json({ errors: [{ code, message }] }, { status, headers });

const xml = (status, code, message) =>
  new Response(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`, {
    status,
    headers: { "content-type": "application/xml" },
  });
