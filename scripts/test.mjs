// `npm test`: everything, in the order in which a failure is cheapest to find. `npm run test:full` (`--full`) adds
// the matrix of clients and registries, with clients of a later Debian release.

import { build } from "./build.mjs";
import { clients, clientsDir } from "./clients.mjs";
import { lint } from "./lint.mjs";
import { buildDir, root, workerdBinary } from "./project.mjs";
import { answer, clock, main, run } from "./shell.mjs";

const full = process.argv.includes("--full");
const inCI = process.env.CI === "true";

const cargoTest = (args, env) => run("cargo", ["test", ...args], { cwd: root, env });

const stages = {
  ...(full && { "clients of a later Debian release": newerClients }),
  "formatting and clippy": lint,
  "unit tests and flows": () => cargoTest(["--lib", ...integrationTests().flatMap((name) => ["--test", name])]),
  "build": build,
  "what is deployed, where there is no Rust": () => run(process.execPath, ["scripts/package.mjs"], { cwd: root }),
  "npm start, as a proof": () => run(process.execPath, ["scripts/start.mjs", "--once", "--port", "0"], { cwd: root }),
  "end to end: the built Worker in workerd, real registry, real clients": () =>
    cargoTest(["--test", "e2e"], { PIERHEAD_WORKERD: workerdBinary(), PIERHEAD_BUILD: buildDir, ...(full && matrix) }),
};

/** What the end-to-end tests read of `--full`. */
const matrix = { PIERHEAD_FULL: "1", PIERHEAD_CLIENTS: process.env.PIERHEAD_CLIENTS ?? clientsDir };

/** Without them the tests run too, and name what is missing. */
async function newerClients() {
  try {
    console.log(process.env.PIERHEAD_CLIENTS ?? (await clients()));
  } catch (error) {
    if (inCI) throw error;
    console.error(`${error.output ?? ""}\nWithout the newer clients: ${error.message}`);
  }
}

/** All but the end-to-end tests, which need the built Worker. */
function integrationTests() {
  const metadata = JSON.parse(answer("cargo", ["metadata", "--no-deps", "--format-version", "1"], { cwd: root }));
  const tests = metadata.packages[0].targets.filter((target) => target.kind.includes("test"));
  return tests.map((target) => target.name).filter((name) => name !== "e2e");
}

await main(async () => {
  const since = Date.now();
  const entries = Object.entries(stages);
  for (const [index, [title, stage]] of entries.entries()) {
    console.log(`\n=== ${index + 1}/${entries.length} ${title} (${clock(since)})\n`);
    await stage();
  }
  console.log(`\nnpm ${full ? "run test:full" : "test"}: all ${entries.length} stages passed in ${clock(since)}`);
});
