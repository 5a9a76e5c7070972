// Serves the built Worker in real workerd, with the demo registry beside it.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { buildDir, compatibilityDate, compatibilityFlags, toolchainDir, workerdBinary } from "./project.mjs";
import { start } from "./shell.mjs";

const demoRegistries = {
  "demo.test": { origin: "https://registry.demo.test", realms: ["https://auth.demo.test/token"] },
};

/** Starts the Worker; `launch` says what the answer is. */
export const serve = (options) => launch(config(options), options.port);

let launched = 0;

/**
 * Starts workerd and waits until it listens. The answer is the port (the system's choice for 0), its process, and
 * what it has logged so far.
 */
export async function launch(configuration, port = 0) {
  const path = join(toolchainDir, `workerd-${process.pid}-${(launched += 1)}.capnp`);
  mkdirSync(toolchainDir, { recursive: true });
  writeFileSync(path, configuration);
  try {
    const server = start(workerdBinary(), ["serve", "--control-fd=3", path], { stdio: ["ignore", "pipe", "pipe", "pipe"] });
    const log = [];
    for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => log.push(chunk));
    return { server, log, port: await listening(server, log, port) };
  } finally {
    rmSync(path); // by now workerd has read it
  }
}

/** workerd writes a line of JSON into its control channel for each socket on which it listens. */
function listening(server, log, port) {
  return new Promise((resolve, reject) => {
    server.stdio[3].setEncoding("utf8").on("data", (line) => resolve(JSON.parse(line).port));
    server.once("error", reject);
    server.once("close", () => {
      const output = Buffer.concat(log).toString();
      const busy = /already in use/i.test(output);
      const reason = busy ? `port ${port} is in use; choose another one with \`--port N\`` : "workerd did not start";
      reject(Object.assign(new Error(reason), { output: busy ? undefined : output }));
    });
  });
}

/** A file as a configuration embeds it: `launch` writes the configuration into .toolchain/. */
export const embed = (file) => `embed ${JSON.stringify(relative(toolchainDir, file))}`;

/** The modules of a built Worker. */
export const workerModules = (folder) => `modules = [
        (name = "index.js", esModule = ${embed(join(folder, "index.js"))}),
        (name = "./index_bg.wasm", wasm = ${embed(join(folder, "index_bg.wasm"))}),
      ]`;

const config = ({ port, demo }) => `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "pierhead", worker = (
      compatibilityDate = "${compatibilityDate()}",
      compatibilityFlags = ${compatibilityFlags()},
      ${workerModules(buildDir)},
      bindings = [${demo ? `(name = "REGISTRIES", json = ${JSON.stringify(JSON.stringify(demoRegistries))})` : ""}],
      globalOutbound = "${demo ? "router" : "network"}",
    )),
    (name = "router", worker = (
      compatibilityDate = "${compatibilityDate()}",
      modules = [(name = "router.js", esModule = embed "../demo/router.js")],
      bindings = [(name = "DEMO", service = "demo"), (name = "NETWORK", service = "network")],
    )),
    (name = "demo", worker = (
      compatibilityDate = "${compatibilityDate()}",
      modules = [
        (name = "registry.js", esModule = embed "../demo/registry.js"),
        (name = "image.js", esModule = embed "../demo/image.js"),
        (name = "seal.js", esModule = embed "../demo/seal.js"),
      ],
    )),
    (name = "network", network = (allow = ["public"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "pierhead")],
);
`;
