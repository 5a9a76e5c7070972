// The Workers, each in a workerd of its own: pierhead as it was built, and two in JavaScript to compare it with.

import { fileURLToPath } from "node:url";
import { compatibilityDate, compatibilityFlags } from "../scripts/project.mjs";
import { embed, launch, workerModules } from "../scripts/workerd.mjs";

const script = (file) => `modules = [(name = "worker.js", esModule = ${embed(fileURLToPath(new URL(file, import.meta.url)))})]`;
const hello = `modules = [(name = "hello.js", esModule = "export default { fetch: () => new Response('Hello!') }")]`;

/** The built Worker of `folder`, with a Cache API; or without, as on workers.dev. */
export const pierhead = (folder, hub, { cache = true } = {}) =>
  serve(workerModules(folder), hub, {
    // The label routes to Docker Hub.
    host: "docker.localhost",
    ...(cache && {
      settings: `cacheApiOutbound = "cache",`,
      services: `(name = "cache", worker = (compatibilityDate = "${compatibilityDate()}", ${script("cache.js")})),`,
    }),
  });

export const passThrough = (hub) => serve(script("passthrough.js"), hub);

/** Answers by itself: what a request costs in workerd whatever a Worker does. */
export const helloWorld = (hub) => serve(hello, hub);

/** Runs one Worker, for which the hub is the whole internet. */
async function serve(modules, hub, { host = "127.0.0.1", settings = "", services = "" } = {}) {
  const { server, port } = await launch(`using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "bench", worker = (
      compatibilityDate = "${compatibilityDate()}",
      compatibilityFlags = ${compatibilityFlags()},
      ${modules},
      ${settings}
      globalOutbound = "hub",
    )),
    (name = "hub", external = (address = "127.0.0.1:${hub.port}", http = (style = host))),
    ${services}
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "bench")],
);
`);
  return { port, authority: `${host}:${port}`, pid: server.pid };
}
