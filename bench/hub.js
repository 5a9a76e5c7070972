// Docker Hub, played: registry-1.docker.io and auth.docker.io on one port, in a process of its own.
//
// The parent's messages set `delay` (milliseconds before every answer) and make `images`; each is answered with the number of
// requests so far, once nobody asks for anything any more.

import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { makeImage } from "./image.js";

const registryHost = "registry-1.docker.io";
const images = new Map();
// As long as Docker Hub's own.
const token = "t".repeat(2_400);
let delay = 0;
let requests = 0;
let open = 0;
let lastSeen = 0;

const server = createServer((request, response) => {
  requests += 1;
  open += 1;
  response.once("close", () => {
    open -= 1;
    lastSeen = performance.now();
  });
  if (delay) setTimeout(answer, delay, request, response);
  else answer(request, response);
});

function answer(request, response) {
  const { host } = request.headers;
  const url = new URL(request.url, `http://${host}`);
  // By its own address it is both: that is how docker-registry knows it.
  if (host !== registryHost && url.pathname === "/token") return json(response, 200, tokenReply());
  if (host === "auth.docker.io") return failure(response, 404, "UNSUPPORTED", "GET /token is all there is");
  const [, name, kind, reference] = url.pathname.match(/^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/) ?? [];
  response.setHeader("docker-distribution-api-version", "registry/2.0");
  if (!/^Bearer ./.test(request.headers.authorization ?? "")) return challenge(request, response, name);
  if (url.pathname === "/v2/") return json(response, 200, {});
  const image = images.get(name);
  if (!image) return failure(response, 404, "NAME_UNKNOWN", `no repository ${name}`);
  const digest = kind === "manifests" && reference === "latest" ? image.digest : reference;
  const found = image.content.get(digest);
  if (!found) return failure(response, 404, kind === "blobs" ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN", `no ${reference}`);
  response.setHeader("docker-content-digest", digest);
  response.setHeader("etag", `"${digest}"`);
  if (kind === "blobs") return blob(request, response, found.bytes);
  response.setHeader("ratelimit-limit", "100;w=21600");
  response.setHeader("ratelimit-remaining", "99;w=21600");
  response.setHeader("docker-ratelimit-source", "192.0.2.1");
  send(response, 200, found.mediaType, found.bytes);
}

const tokenReply = () => ({ token, access_token: token, expires_in: 300, issued_at: new Date().toISOString() });

/** The realm is the one that the request's own way leads to: nginx cannot rewrite it, and says what it has to be. */
function challenge(request, response, name) {
  const { host, "x-realm-base": wanted } = request.headers;
  const realm = `${wanted ?? (host === registryHost ? "https://auth.docker.io" : `http://${host}`)}/token`;
  const scope = name ? `,scope="repository:${name}:pull"` : "";
  response.setHeader("www-authenticate", `Bearer realm="${realm}",service="registry.docker.io"${scope}`);
  failure(response, 401, "UNAUTHORIZED", "authentication required");
}

function blob(request, response, bytes) {
  response.setHeader("accept-ranges", "bytes");
  const [, first, last] = request.headers.range?.match(/^bytes=(\d+)-(\d*)$/) ?? [];
  if (!first || Number(first) >= bytes.length) return send(response, 200, "application/octet-stream", bytes);
  const part = bytes.subarray(Number(first), last ? Number(last) + 1 : bytes.length);
  response.setHeader("content-range", `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`);
  send(response, 206, "application/octet-stream", part);
}

const json = (response, status, value) => send(response, status, "application/json", Buffer.from(JSON.stringify(value)));

const failure = (response, status, code, message) => json(response, status, { errors: [{ code, message, detail: null }] });

/** Node leaves the bytes out for a HEAD. */
const send = (response, status, type, bytes) =>
  response.writeHead(status, { "content-type": type, "content-length": bytes.length }).end(bytes);

process.on("message", async (message) => {
  for (const name of message.images ?? []) images.set(name, makeImage(name));
  delay = message.delay ?? delay;
  // What a proxy still does in the background belongs to the pull before.
  while (open || performance.now() < lastSeen + 50) await pause(5);
  process.send({ requests });
});
process.on("disconnect", () => process.exit());
// A proxy may keep an idle connection for as long as it likes: closing one is no part of the measurement.
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
