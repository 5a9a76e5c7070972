// Where things are, and the versions this repository pins.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const toolchainDir = join(root, ".toolchain");
export const buildDir = join(root, "build");

const text = (path) => readFileSync(join(root, path), "utf8");

/** The version of a crate in Cargo.lock. */
export function lockedVersion(crate) {
  const entry = text("Cargo.lock").match(new RegExp(`name = "${crate}"\nversion = "([^"]+)"`));
  if (!entry) throw new Error(`Cargo.lock holds no \`${crate}\`; run \`cargo generate-lockfile\``);
  return entry[1];
}

/** The one compatibility date, for Cloudflare and for workerd here. */
export function compatibilityDate() {
  return text("wrangler.toml").match(/^compatibility_date = "([^"]+)"/m)[1];
}

/** The compatibility flags, as workerd's configuration has them. */
export function compatibilityFlags() {
  return text("wrangler.toml").match(/^compatibility_flags = (\[.*\])/m)[1];
}

/** A program that a package of node_modules brings. */
export const nodeProgram = (name) => join(root, "node_modules", ".bin", name);

/** The workerd binary itself: the program in node_modules/.bin is a script around it. */
export const workerdBinary = () => createRequire(import.meta.url)("workerd").default;
