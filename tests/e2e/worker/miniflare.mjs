// The built Worker in Miniflare, for tests: the configuration is the one argument, as JSON. Prints its port, then one line
// of JSON for each line it reads. Ends with its input.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { Miniflare } from "miniflare";

const { folder, bucket, internet, scheme, ...worker } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const miniflare = new Miniflare({
  ...worker,
  name: "pierhead",
  modules: [
    { type: "ESModule", path: join(folder, "index.js") },
    { type: "CompiledWasm", path: join(folder, "index_bg.wasm") },
  ],
  modulesRoot: folder,
  r2Buckets: ["STORE"],
  r2Persist: bucket,
  outboundService: { external: { address: internet, http: { style: 0, forwardedProtoHeader: scheme } } },
  // Past Miniflare's own entry, which rewrites headers: the Worker sees requests as in plain workerd.
  unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  host: "127.0.0.1",
  port: 0,
  cf: false,
  handleRuntimeStdio: (stdout, stderr) => [stdout, stderr].forEach((stream) => stream.pipe(process.stderr)),
});

async function list() {
  const store = await miniflare.getR2Bucket("STORE");
  const found = [];
  for (let cursor; ; ) {
    const page = await store.list({ cursor });
    for (const { key, size } of page.objects) {
      const bytes = await read(store, key);
      if (!bytes) continue; // deleted meanwhile
      const hash = createHash("sha256").update(bytes).digest("hex");
      found.push({ key, size, hash: `sha256:${hash}` });
    }
    if (!page.truncated) return found;
    cursor = page.cursor;
  }
}

/** An object's bytes. Miniflare's stand-in fails where an object is replaced while it is read: then the new one is read. */
async function read(store, key) {
  for (let tries = 1; ; tries += 1) {
    try {
      const object = await store.get(key);
      return object && Buffer.from(await object.arrayBuffer());
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

async function remove(key) {
  const store = await miniflare.getR2Bucket("STORE");
  await store.delete(key);
  return {};
}

const { port } = await miniflare.unsafeGetDirectURL();
say({ port: Number(port) });

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  say(question.do === "list" ? await list() : await remove(question.key));
}
setTimeout(() => process.exit(), 2000);
await miniflare.dispose();
process.exit();
