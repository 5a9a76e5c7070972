// `npm run deploy`: builds, deploys, and pulls through what was deployed. CI runs the same (.github/workflows/deploy.yml).
//
// PIERHEAD_DOMAINS names custom domains, separated by spaces or commas: `docker.example.com ghcr.example.com`. Without, there is
// workers.dev. `--no-smoke` leaves out the pull.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeProgram, root } from "./project.mjs";
import { main, run } from "./shell.mjs";
import { smoke } from "./smoke.mjs";
import { nodeModules } from "./toolchain.mjs";

const domains = (process.env.PIERHEAD_DOMAINS ?? "").split(/[\s,]+/).filter(Boolean);

await main(async () => {
  const wrong = domains.find((domain) => !/^([a-z0-9-]+\.)+[a-z0-9-]+$/.test(domain));
  if (wrong) throw new Error(`PIERHEAD_DOMAINS: \`${wrong}\` is no host name; expected such as \`docker.example.com\``);
  await nodeModules();
  const folder = mkdtempSync(join(tmpdir(), "pierhead-deploy-"));
  const output = join(folder, "wrangler.ndjson");
  try {
    // Settings that were made in the dashboard stay.
    const args = ["deploy", "--keep-vars", ...domains.flatMap((domain) => ["--domain", domain])];
    await run(nodeProgram("wrangler"), args, { cwd: root, env: { WRANGLER_OUTPUT_FILE_PATH: output } });
    const lines = readFileSync(output, "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const targets = lines.find((line) => line.type === "deploy")?.targets ?? [];
    // What wrangler calls a target may be a host, an address, or an address with a remark.
    const origins = targets.map((target) => target.split(" ")[0]).filter((target) => !target.includes("*"));
    const addresses = origins.map((target) => (target.startsWith("https://") ? target : `https://${target}`));
    if (process.argv.includes("--no-smoke")) return console.log(addresses.join("\n"));
    if (addresses.length === 0) throw new Error("wrangler names no address: is workers_dev off, and are there no domains?");
    await smoke(addresses);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
