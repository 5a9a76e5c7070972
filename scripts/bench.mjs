// `npm run bench`: the built Worker beside what one would use in its place, on this machine and without a network.
//
//   --runs N       pulls of each kind that count (7)
//   --requests N   requests of each kind in a round of the CPU measurement (3000)
//   --json         one JSON object in place of the tables
//
// PIERHEAD_BUILD names a folder with a built Worker to measure as it is; without it the Worker is built first.

import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { concurrency, measureCpu, rounds } from "../bench/cpu.js";
import { startHub } from "../bench/hub-process.js";
import { dockerRegistry, nginx } from "../bench/servers.js";
import { cpuTable, targetTable, wallTable } from "../bench/tables.js";
import { baseline, targets } from "../bench/targets.js";
import { measureWall } from "../bench/wall.js";
import { helloWorld, passThrough, pierhead } from "../bench/workers.js";
import { build } from "./build.mjs";
import { buildDir, workerdBinary } from "./project.mjs";
import { answer, clock, main, stopAll } from "./shell.mjs";

const delay = 80;

async function bench() {
  const since = Date.now();
  const { runs, requests, json } = readOptions();
  if (!process.env.PIERHEAD_BUILD) await build();
  const folder = mkdtempSync(join(tmpdir(), "pierhead-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const report = (line) => console.error(`  ${clock(since)}  ${line}`);

  const hub = await startHub();
  const built = resolve(process.env.PIERHEAD_BUILD ?? buildDir);
  const workers = {
    pierhead: await pierhead(built, hub),
    passThrough: await passThrough(hub),
    hello: await helloWorld(hub),
  };
  const entries = Object.entries({
    "pierhead": workers.pierhead,
    "pierhead, no Cache API": await pierhead(built, hub, { cache: false }),
    [baseline]: workers.passThrough,
    "nginx pass-through": await nginx(folder, hub),
    "docker-registry": await dockerRegistry(folder, hub),
  });
  const proxies = entries.filter(([, proxy]) => proxy).map(([name, proxy]) => ({ name, ...proxy }));
  const wall = await measureWall({ hub, proxies, runs, delay, report });
  const cpu = await measureCpu({ hub, ...workers, requests, report });
  stopAll();

  const about = { runs, delay, requests, ...surroundings() };
  const reached = targets(wall, cpu);
  if (json) return console.log(JSON.stringify({ about, wall, cpu, targets: reached }, null, 2));
  const names = entries.map(([name]) => name);
  console.log(`
Pulls of an image of three layers, ${delay} ms before every answer of the registry. Medians of ${runs}; ratio: to the
${baseline}; CPU: of all the proxy's threads and processes;
asked: requests of the client; upstream: requests to the registry and its token server.

${Object.entries(wall).map(([replay, results]) => wallTable(replay, results, names)).join("\n\n")}

A manifest by digest, ${concurrency} requests at a time, no delay. Medians of ${rounds} rounds of ${requests} requests.

${cpu ? cpuTable(cpu) : "  not measured: this needs Linux"}

${targetTable(reached)}

${about.workerd}, Node.js ${about.node}, ${about.cpus} x ${about.cpu}; ${clock(since)} in all.
Only the ratios mean anything on another machine.`);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      runs: { type: "string", default: "7" },
      requests: { type: "string", default: "3000" },
      json: { type: "boolean", default: false },
    },
  });
  const count = (name) => {
    const number = Number(values[name]);
    if (!(Number.isInteger(number) && number > 0)) throw new Error(`\`--${name} ${values[name]}\` is no number of ${name}`);
    return number;
  };
  return { runs: count("runs"), requests: count("requests"), json: values.json };
}

const surroundings = () => ({
  workerd: answer(workerdBinary(), ["--version"]),
  node: process.versions.node,
  cpu: cpus()[0]?.model,
  cpus: cpus().length,
});

await main(bench);
