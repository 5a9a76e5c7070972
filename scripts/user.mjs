// `npm run user -- add alice`: a user of this proxy's own (README, "Who may use it"). Names and SHA-256 sums of their tokens are in
// users.json, which is what the secret USERS holds; a token itself is printed once and kept nowhere.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./project.mjs";
import { main } from "./shell.mjs";

const usage = "usage: npm run user -- add NAME | remove NAME | list  [--file users.json]";

/** What Cloudflare lets a variable have, in bytes: some 60 users. */
const largest = 5120;

/** As src/config/access.rs reads it. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

await main(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { file: { type: "string", default: join(root, "users.json") } },
  });
  const [verb, name] = positionals;
  const users = existsSync(values.file) ? JSON.parse(readFileSync(values.file, "utf8")) : {};
  if (verb === "list" && positionals.length === 1) {
    for (const user of Object.keys(users)) console.log(user);
    return;
  }
  if (!["add", "remove"].includes(verb) || positionals.length !== 2) throw new Error(usage);
  if (!namePattern.test(name)) {
    throw new Error(`\`${name}\` is no user name; expected at most 64 letters, digits and \`. _ @ -\``);
  }
  if (verb === "remove" && !Object.hasOwn(users, name)) throw new Error(`there is no user \`${name}\` in ${values.file}`);
  const token = `pierhead_${randomBytes(32).toString("base64url")}`;
  const known = Object.hasOwn(users, name);
  if (verb === "remove") delete users[name];
  else users[name] = `sha256:${createHash("sha256").update(token).digest("hex")}`;
  const text = JSON.stringify(users);
  // Whole or not at all, and nobody else's to read.
  const partial = `${values.file}.partial`;
  writeFileSync(partial, `${text}\n`, { mode: 0o600 });
  renameSync(partial, values.file);

  if (verb === "add") {
    console.log(`${known ? `a new token for ${name}; the old one ends` : `${name}'s token`}, shown this once:\n\n  ${token}\n`);
  }
  console.log(`USERS, now of ${Object.keys(users).length}:\n\n  ${text}\n`);
  if (text.length > largest) console.log(`that is more than the ${largest} bytes that Cloudflare lets a secret have\n`);
  console.log(`from now on: npx wrangler secret put USERS < ${values.file}`);
});
