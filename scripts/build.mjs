// Builds the Worker: build/index.js and build/index_bg.wasm, within the size that this project allows itself.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { exclusively } from "./lock.mjs";
import { buildDir, root } from "./project.mjs";
import { clock, main, run, step } from "./shell.mjs";
import { toolchain } from "./toolchain.mjs";

const inputs = ["src", ".cargo", "Cargo.toml", "Cargo.lock", "build.rs", "rust-toolchain.toml", "package-lock.json", "scripts/build.mjs"];
const outputs = ["build/index.js", "build/index_bg.wasm"];
const stamp = join(buildDir, ".stamp");
const sizeLimit = 330_000;

/** Builds the Worker, unless it is built already. */
export async function build() {
  const env = await toolchain();
  await exclusively(async () => {
    if (String(readOr(stamp, "")) === fingerprint()) return;
    const since = Date.now();
    await run(env.WORKER_BUILD_BIN, ["--release"], { cwd: root, env });
    await optimise(env.WASM_OPT_BIN);
    writeFileSync(stamp, fingerprint());
    console.log(`built in ${clock(since)}`);
  });
  checkSize();
}

/** Without the names of the functions, which worker-build's own run would keep; a panic still tells its file and line. */
async function optimise(wasmOpt) {
  const wasm = join(buildDir, "index_bg.wasm");
  // wasm-bindgen's catch wrappers use exceptions; the module itself names the other features.
  const args = ["-O", "--enable-exception-handling", wasm, "-o", `${wasm}.partial`];
  await step("wasm-opt", wasmOpt, args);
  renameSync(`${wasm}.partial`, wasm);
}

/** One digest over all that goes in and all that came out: it changes with either. */
function fingerprint() {
  const hash = createHash("sha256");
  for (const path of [...inputs, ...outputs].map((path) => join(root, path)).flatMap(files)) {
    hash.update(`${relative(root, path)}\0`).update(readOr(path, "missing")).update("\0");
  }
  return hash.digest("hex");
}

function files(path) {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => files(join(path, name)));
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return otherwise;
  }
}

function checkSize() {
  const parts = outputs.map((path) => readFileSync(join(root, path)));
  const sum = (sizes) => sizes.reduce((total, size) => total + size, 0);
  const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
  const [raw, gzipped] = [sum(parts.map((part) => part.length)), sum(parts.map((part) => gzipSync(part).length))];
  console.log(`Worker: ${kilobytes(raw)} KB, ${kilobytes(gzipped)} KB gzipped (limit ${sizeLimit / 1000} KB)`);
  if (gzipped > sizeLimit) throw new Error(`the Worker is ${gzipped - sizeLimit} bytes over its size limit`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(build);
