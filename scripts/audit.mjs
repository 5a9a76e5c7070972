// `npm run audit`: what the dependencies are (deny.toml), and whether anybody knows of a hole in them. `--no-advisories`
// leaves out the second: the lists of known holes are on the network.

import { join } from "node:path";
import { root } from "./project.mjs";
import { main, run } from "./shell.mjs";
import { cargoTool } from "./toolchain.mjs";

const version = "0.20.2";
const advisories = !process.argv.includes("--no-advisories");

await main(async () => {
  const cargoDeny = join(await cargoTool("cargo-deny", version), "cargo-deny");
  const checks = ["bans", "licenses", "sources", ...(advisories ? ["advisories"] : [])];
  // `--locked`: what Cargo.lock pins is what is built.
  await run(cargoDeny, ["--locked", "check", "--hide-inclusion-graph", ...checks], { cwd: root });
  if (advisories) await run("npm", ["audit", "--audit-level=moderate"], { cwd: root });
});
