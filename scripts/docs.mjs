// `npm run docs`: puts the configurations of src/site/snippets.js into docs/clients/, so that a page's words are written by hand and
// what readers paste is not. `--check` only tells whether they are in; `--print '{"authority": …}'` prints them as JSON for a host.
//
// A line `<!-- snippet: docker -->` stands over each. What may follow the name: `registry=ghcr.io` for that registry's own host,
// `key` for a key in the address, `http` for a host without TLS.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { configurations } from "../src/site/snippets.js";
import { root } from "./project.mjs";
import { main } from "./shell.mjs";

const folder = join(root, "docs", "clients");

const labels = { "docker.io": "docker", "ghcr.io": "ghcr", "quay.io": "quay", "registry.k8s.io": "k8s", "gcr.io": "gcr" };
const registries = Object.entries(labels).map(([name, label]) => ({ name, label }));

/** The marker, and what was put below it before: the file's name and a fenced block of one of the snippets' languages. */
const marked = /^<!-- snippet: (.+) -->\n(?:\n(?:`[^`\n]+`:\n\n)?```(?:json|toml|yaml|sh)\n(?:[^`]*\n)?```\n)?/gm;

await main(async () => {
  const { values } = parseArgs({ options: { check: { type: "boolean" }, print: { type: "string" } } });
  if (values.print) return console.log(JSON.stringify(configurations({ registries, ...JSON.parse(values.print) })));
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".md"))) {
    const file = join(folder, name);
    const page = readFileSync(file, "utf8");
    const filled = page.replace(marked, (_, words) => `<!-- snippet: ${words} -->\n${block(words.split(" "))}`);
    if (filled === page) continue;
    if (values.check) throw new Error(`docs/clients/${name} does not show what src/site/snippets.js says: run \`npm run docs\``);
    writeFileSync(file, filled);
    console.log(`docs/clients/${name} is rewritten`);
  }
});

function block([id, ...words]) {
  const options = Object.fromEntries(words.map((word) => word.split("=")));
  const unknown = Object.keys(options).find((name) => !["registry", "key", "http"].includes(name));
  if (unknown) throw new Error(`\`${unknown}\` says nothing of a snippet`);
  const host = `${labels[options.registry] ?? "mirror"}.example.com`;
  const found = configurations({
    authority: "http" in options ? `${host}:8787` : host,
    secure: !("http" in options),
    path: "key" in options ? "/<key>" : "",
    gateway: !options.registry,
    registry: options.registry ?? "docker.io",
    registries,
  }).find((configuration) => configuration.id === id);
  if (!found) throw new Error(`src/site/snippets.js has no \`${id}\``);
  return `\n${found.file && `\`${found.file}\`:\n\n`}\`\`\`${found.language}\n${found.text}\`\`\`\n`;
}
