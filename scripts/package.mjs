// `npm run package`: the Worker as a folder that wrangler deploys without Rust: dist/, for releases and for the branch that the
// "Deploy to Cloudflare" button clones (.github/workflows/release.yml).

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { buildDir, root } from "./project.mjs";
import { main, step } from "./shell.mjs";

const dist = join(root, "dist");
const worker = ["index.js", "index_bg.wasm"];

/** wrangler.toml as it is, but for where the Worker is and how it is built. */
function settings() {
  const text = readFileSync(join(root, "wrangler.toml"), "utf8");
  const [before, after] = text.split("[build]\n");
  if (!after?.startsWith('command = "npm run build"\n')) throw new Error("wrangler.toml has no [build] section of one line");
  const moved = (before + after.replace('command = "npm run build"\n', "")).replace('main = "build/index.js"', 'main = "index.js"');
  if (!moved.includes('main = "index.js"')) throw new Error("wrangler.toml's main is not build/index.js");
  return moved;
}

function manifest() {
  const { name, version, license, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { wrangler } = devDependencies;
  const scripts = { deploy: "wrangler deploy --keep-vars" };
  return { name, version, license, private: true, type: "module", scripts, devDependencies: { wrangler } };
}

function readme(version, sums) {
  const repository = process.env.GITHUB_REPOSITORY;
  const button = repository
    ? `[![Deploy to Cloudflare](https://deploy.workers.cloudflare.com/button)](https://deploy.workers.cloudflare.com/?url=https://github.com/${repository}/tree/deploy)\n\n`
    : "";
  return `# pierhead ${version}, built

${button}\`npm install\` and \`npm run deploy\` put it on workers.dev; no Rust is needed. \`wrangler.toml\` has the settings, and says where who may use
it is decided. How to go on is in docs/deploy.md of the source.

SHA-256:

\`\`\`
${sums.join("\n")}
\`\`\`
`;
}

await main(async () => {
  await build();
  rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist);
  for (const file of worker) copyFileSync(join(buildDir, file), join(dist, file));
  const sum = (file) => `${createHash("sha256").update(readFileSync(join(dist, file))).digest("hex")}  ${file}`;
  const packed = manifest();
  const tag = process.env.GITHUB_REF_TYPE === "tag" ? process.env.GITHUB_REF_NAME : `v${packed.version}`;
  if (tag !== `v${packed.version}`) throw new Error(`the tag is ${tag}, and package.json has version ${packed.version}`);
  writeFileSync(join(dist, "package.json"), `${JSON.stringify(packed, null, 2)}\n`);
  writeFileSync(join(dist, "wrangler.toml"), settings());
  writeFileSync(join(dist, ".gitignore"), "node_modules/\n.wrangler/\n");
  writeFileSync(join(dist, "README.md"), readme(packed.version, worker.map(sum)));
  // As where there is no Rust: nothing but node is in the path.
  const path = process.execPath.slice(0, process.execPath.lastIndexOf("/"));
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  const dry = join(root, "node_modules/.cache/pierhead-dry-run");
  await step("wrangler deploy --dry-run, without Rust", process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", dry], {
    cwd: dist,
    env: { PATH: path, WRANGLER_SEND_METRICS: "false" },
  });
  console.log(`${dist} is ready`);
});
