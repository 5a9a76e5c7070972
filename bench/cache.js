// What stands behind the Cache API, which plain workerd leaves to its configuration (`cacheApiOutbound`): a map. A PUT brings
// a whole HTTP/1.1 response as its body; a GET must be answered without asking anybody else.

const entries = new Map();
const headersEnd = "\r\n\r\n";

export default {
  async fetch(request) {
    const key = `${request.headers.get("cf-cache-namespace") ?? ""} ${request.url}`;
    if (request.method === "PUT") {
      entries.set(key, parse(new Uint8Array(await request.arrayBuffer())));
      return new Response(null, { status: 204 });
    }
    if (request.method === "PURGE") return new Response(null, { status: entries.delete(key) ? 200 : 404 });
    const entry = entries.get(key);
    if (!entry) return new Response(null, { status: 504, headers: { "cf-cache-status": "MISS" } });
    return new Response(entry.body, { status: entry.status, headers: entry.headers });
  },
};

function parse(bytes) {
  // One character a byte, so that the length of the text is where the body begins.
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 64 * 1024));
  const head = text.slice(0, text.indexOf(headersEnd));
  const [statusLine, ...lines] = head.split("\r\n");
  const headers = lines.map((line) => line.match(/^([^:]+):\s*(.*)$/).slice(1));
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: [...headers, ["cf-cache-status", "HIT"]],
    body: bytes.slice(head.length + headersEnd.length),
  };
}
