// Everything the Worker's build needs, at pinned versions, in .toolchain/ and node_modules/; nothing goes into the system.
// `cargo clean` leaves it alone. A directory there has its name only once it is complete.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { debianEnvironment, debianRust } from "./debian.mjs";
import { exclusively } from "./lock.mjs";
import { lockedVersion, nodeProgram, root, toolchainDir } from "./project.mjs";
import { answer, main, step } from "./shell.mjs";

export const wasmTarget = "wasm32-unknown-unknown";

/** Makes all tools available; the answer is the environment in which cargo and worker-build build for wasm. */
export async function toolchain() {
  if (!answer("cargo", ["--version"], { cwd: root })) {
    throw new Error("Rust is not installed (no `cargo` in PATH). Install it with rustup: https://rustup.rs");
  }
  return exclusively(async () => {
    await nodeModules();
    // worker-build is released together with the worker crate, and wasm-bindgen reads only its own version's output.
    const workerBuild = await cargoTool("worker-build", lockedVersion("worker"));
    const wasmBindgen = await cargoTool("wasm-bindgen-cli", lockedVersion("wasm-bindgen"));
    return {
      ...(await wasmRust()),
      // Not the native builds' directory: two compilers in turn would each rebuild everything.
      CARGO_TARGET_DIR: join(root, "target", "wasm"),
      WORKER_BUILD_BIN: join(workerBuild, "worker-build"),
      WASM_BINDGEN_BIN: join(wasmBindgen, "wasm-bindgen"),
      WASM_OPT_BIN: nodeProgram("wasm-opt"),
      ESBUILD_BIN: nodeProgram("esbuild"),
    };
  });
}

/** node_modules as the lock file says. */
export async function nodeModules() {
  const written = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // npm writes the first of these at the end of an installation.
  if (written("node_modules/.package-lock.json") >= written("package-lock.json")) return;
  await step("npm packages", "npm", ["ci", "--no-progress"], { cwd: root });
}

// Half the time to build; what these tools do here takes a fraction of a second either way.
const unoptimised = { CARGO_PROFILE_RELEASE_OPT_LEVEL: "0", CARGO_PROFILE_RELEASE_LTO: "off" };

/** The folder with a program that cargo builds from source, once. */
export async function cargoTool(crate, version) {
  const home = join(toolchainDir, `${crate}-${version}`);
  if (!existsSync(home)) {
    await complete(home, (partial) =>
      step(
        `${crate} ${version}, built once`,
        "cargo",
        ["install", `${crate}@${version}`, "--root", partial, "--target-dir", join(partial, "target")],
        { env: unoptimised },
      ),
    );
  }
  return join(home, "bin");
}

/** Fills a directory under another name first: one with its real name is whole, whatever interrupts this. */
export async function complete(home, fill) {
  const partial = `${home}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  await fill(partial);
  rmSync(join(partial, "target"), { recursive: true, force: true });
  renameSync(partial, home);
}

/** What the environment must hold so that `cargo` compiles for wasm32: nothing, where the ordinary Rust can. */
async function wasmRust() {
  if (hasWasmTarget()) return {};
  const home = join(toolchainDir, "debian-rust");
  const host = answer("rustc", ["-vV"], { cwd: root }).match(/^host: (.+)$/m)[1];
  if (!existsSync(home)) {
    if (await addedByRustup()) return {};
    await complete(home, (partial) => debianRust(partial, host));
  }
  // Debian's package holds no linker for wasm; rustup's toolchain does.
  const linker = join(answer("rustc", ["--print", "sysroot"], { cwd: root }), "lib/rustlib", host, "bin");
  return {
    ...debianEnvironment(home, host),
    PATH: [join(home, "usr/bin"), process.env.PATH, linker].join(delimiter),
  };
}

function hasWasmTarget() {
  const libraries = answer("rustc", ["--print", "target-libdir", "--target", wasmTarget], { cwd: root });
  return libraries && existsSync(libraries) && readdirSync(libraries).some((name) => name.startsWith("libstd-"));
}

async function addedByRustup() {
  if (!answer("rustup", ["--version"])) return false;
  const title = `rustup target add ${wasmTarget}`;
  try {
    // Behind a closed network this hangs: the next way is better than a long wait.
    await step(title, "rustup", ["target", "add", wasmTarget], { cwd: root, seconds: 60 });
  } catch {
    return false;
  }
  return hasWasmTarget();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => console.log((await toolchain()).RUSTC ?? "the ordinary Rust toolchain builds for wasm"));
}
