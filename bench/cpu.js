// What a request costs workerd, all of its threads: processor time, not waiting time.

import { readFileSync } from "node:fs";
import { Client, Session } from "./client.js";
import { median } from "./numbers.js";
import { baseline } from "./targets.js";
import { answer } from "../scripts/shell.mjs";

export const concurrency = 8;
export const rounds = 5;
const repository = "bench/cpu";

/** `{ row: { us, upstream } }`: medians of microseconds and upstream requests, both per request; none where there is no /proc. */
export async function measureCpu({ hub, pierhead, passThrough, hello, requests, report }) {
  const ticks = Number(answer("getconf", ["CLK_TCK"]));
  if (process.platform !== "linux" || !ticks) return undefined;
  await hub.makeImages([repository]);
  // A token without pierhead's mark is the client's own: it is sent on, and nothing is kept.
  const own = { authorization: "Bearer own" };
  const path = `/v2/${repository}/manifests/${await platformDigest(pierhead)}`;
  const rows = [
    { name: "pierhead, from its store", proxy: pierhead, path, headers: {} },
    { name: "pierhead, passed through", proxy: pierhead, path, headers: own },
    { name: baseline, proxy: passThrough, path, headers: own },
    { name: "JavaScript hello world", proxy: hello, path: "/", headers: {} },
  ].map((row) => ({ ...row, client: new Client(row.proxy), us: [], upstream: [] }));
  for (let round = 0; round <= rounds; round += 1) {
    report(`CPU: ${round ? `round ${round} of ${rounds}` : "warm-up"}`);
    for (const row of rows) {
      const [asked, spent] = [await hub.requests(), cpuSeconds(row.proxy.pid, ticks)];
      await load(row, requests);
      const upstream = (await hub.requests()) - asked;
      const seconds = cpuSeconds(row.proxy.pid, ticks) - spent;
      if (!round) continue;
      row.us.push((seconds * 1e6) / requests);
      row.upstream.push(upstream / requests);
    }
  }
  rows.forEach(({ client }) => client.close());
  return Object.fromEntries(rows.map(({ name, us, upstream }) => [name, { us: median(us), upstream: median(upstream) }]));
}

/** A pull's way to a manifest, after which a proxy that keeps manifests has it. */
async function platformDigest(proxy) {
  const client = new Client(proxy);
  const session = new Session(client, repository);
  const accept = "*/*";
  const { manifests } = await session.tagged("latest", accept);
  await session.manifest(manifests[0].digest, accept);
  client.close();
  return manifests[0].digest;
}

async function load({ client, path, headers }, requests) {
  let left = requests;
  const worker = async () => {
    while (left-- > 0) {
      const { status } = await client.send("GET", path, headers);
      if (status !== 200) throw new Error(`GET ${path}: ${status}`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** User and system time of a whole process. */
function cpuSeconds(pid, ticks) {
  // The name, in parentheses, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}
