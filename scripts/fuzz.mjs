// `npm run fuzz`: makes up inputs for each promise of tests/promises, by what they reach in the code. Needs a nightly Rust
// (`rustup toolchain install nightly --profile minimal`) and a C++ compiler, and is part of no other command.
//
//   npm run fuzz -- [PROMISE …]
//   --runs N      inputs for each (100000)
//   --seconds N   time for each, in place of a number
//   --keep        puts what reached something new into fuzz/corpus/
//
// An input that breaks a promise ends it, and is in fuzz/artifacts/. What was found before is in target/, and gone on with.

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./project.mjs";
import { answer, main, run, step } from "./shell.mjs";
import { cargoTool } from "./toolchain.mjs";

const version = "0.13.2";

const fuzzDir = join(root, "fuzz");
const targetDir = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "fuzz");
const promises = readdirSync(join(fuzzDir, "fuzz_targets")).map((file) => file.replace(".rs", ""));

/** Where the inputs of a promise are: those of this machine, those that are kept, those that somebody has written. */
function folders(promise) {
  const found = join(targetDir, "found", promise);
  const corpus = join(fuzzDir, "corpus", promise);
  for (const folder of [found, corpus]) mkdirSync(folder, { recursive: true });
  const flows = promise === "serve" ? [join(root, "tests", "flows")] : [];
  return [found, corpus, join(fuzzDir, "seeds", promise), ...flows];
}

async function fuzz() {
  const { chosen, limit, keep } = readOptions();
  if (!answer("cargo", ["+nightly", "--version"])) {
    throw new Error("there is no nightly Rust: `rustup toolchain install nightly --profile minimal`");
  }
  const env = { CARGO_TARGET_DIR: targetDir, PATH: `${await cargoTool("cargo-fuzz", version)}:${process.env.PATH}` };
  // There is no unsafe code here for a sanitizer to watch. Overflows and debug assertions are on all the same (fuzz/Cargo.toml).
  const cargoFuzz = (command, ...args) => ["+nightly", "fuzz", command, "--release", "--sanitizer", "none", ...args];
  await run("cargo", cargoFuzz("build"), { cwd: root, env });
  const rows = [];
  for (const promise of chosen) {
    const fuzzing = (directories, ...flags) => cargoFuzz("run", promise, ...directories, "--", "-print_final_stats=1", ...flags);
    const [found, corpus, ...others] = folders(promise);
    const output = await step(promise, "cargo", fuzzing([found, corpus, ...others], limit), { cwd: root, env });
    rows.push(counted(promise, output));
    // By what code they reach, not by how often: a tenth of the inputs, small enough to be kept.
    if (keep) await step(`${promise}, kept`, "cargo", fuzzing([corpus, found], "-merge=1", "-use_counters=0"), { cwd: root, env });
  }
  console.table(Object.fromEntries([...rows, ["all", { "inputs": rows.reduce((sum, [, row]) => sum + row.inputs, 0) }]]));
}

/** How many inputs were made up: all that were run, without those that were there. */
function counted(promise, output) {
  const number = (pattern) => Number(output.match(pattern)?.[1] ?? 0);
  const inputs = number(/stat::number_of_executed_units:\s+(\d+)/) - number(/^#(\d+)\s+INITED/m);
  return [promise, { inputs, "a second": number(/stat::average_exec_per_sec:\s+(\d+)/) }];
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: "string" }, seconds: { type: "string" }, keep: { type: "boolean", default: false } },
  });
  const unknown = positionals.find((name) => !promises.includes(name));
  if (unknown) throw new Error(`nothing is promised of \`${unknown}\`; expected one of ${promises.join(", ")}`);
  const count = (name) => {
    const number = Number(values[name] ?? 100_000);
    if (!(Number.isInteger(number) && number > 0)) throw new Error(`\`--${name} ${values[name]}\` is no number of ${name}`);
    return number;
  };
  const limit = values.seconds ? `-max_total_time=${count("seconds")}` : `-runs=${count("runs")}`;
  return { chosen: positionals.length > 0 ? positionals : promises, limit, keep: values.keep };
}

await main(fuzz);
