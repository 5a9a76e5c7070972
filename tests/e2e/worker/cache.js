// What stands behind `caches` in workerd: this protocol is how it asks. Any other request is a test's, for what is kept.

const kept = new Map();

export default {
  async fetch(request) {
    const key = `${request.headers.get("cf-cache-namespace") ?? "default"} ${request.url}`;
    if (request.method === "PUT") return put(key, new Uint8Array(await request.arrayBuffer()));
    if (request.method === "PURGE") return new Response(null, { status: kept.delete(key) ? 200 : 404 });
    if (request.headers.get("cache-control") === "only-if-cached") return match(key, request.headers);
    const digest = async ({ body }) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", body))];
    const hex = (bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const lines = [...kept].map(async ([key, entry]) => ({ key, size: entry.body.length, hash: `sha256:${hex(await digest(entry))}` }));
    return Response.json(await Promise.all(lines));
  },
};

/** The body of a PUT is the whole answer, as HTTP/1.1 writes it. */
function put(key, bytes) {
  const end = bytes.findIndex((_, at) => [13, 10, 13, 10].every((byte, offset) => bytes[at + offset] === byte));
  const [status, ...lines] = new TextDecoder().decode(bytes.subarray(0, end)).split("\r\n");
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  const control = new Headers(headers).get("cache-control") ?? "";
  const seconds = Number(/(?:s-maxage|max-age)=(\d+)/.exec(control)?.[1] ?? Infinity);
  const chunked = new Headers(headers).get("transfer-encoding") === "chunked";
  const rest = bytes.subarray(end + 4);
  const entry = { status: Number(status.split(" ")[1]), headers, body: chunked ? joined(rest) : rest, until: Date.now() + 1000 * seconds };
  if (seconds > 0 && !/no-store|private/.test(control)) kept.set(key, entry);
  return new Response(null, { status: 204 });
}

/** The chunks of a body without its length, put together. */
function joined(bytes) {
  const parts = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf(13, at);
    const size = parseInt(new TextDecoder().decode(bytes.subarray(at, line)), 16);
    if (!size) return new Uint8Array(parts.flatMap((part) => [...part]));
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

function match(key, asked) {
  const entry = kept.get(key);
  if (!entry || entry.until < Date.now()) return new Response(null, { status: 504, headers: { "cf-cache-status": "MISS" } });
  const headers = new Headers(entry.headers.filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name)));
  headers.set("cf-cache-status", "HIT");
  const etag = headers.get("etag");
  if (etag && asked.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
  const range = /^bytes=(\d+)-(\d*)$/.exec(asked.get("range") ?? "");
  if (!range || entry.status !== 200) return new Response(entry.body, { status: entry.status, headers, encodeBody: "manual" });
  const [first, last] = [Number(range[1]), Math.min(Number(range[2] || Infinity), entry.body.length - 1)];
  headers.set("content-range", `bytes ${first > last ? "*" : `${first}-${last}`}/${entry.body.length}`);
  if (first > last) return new Response(null, { status: 416, headers });
  return new Response(entry.body.subarray(first, last + 1), { status: 206, headers });
}
