// `npm run secret -- path` and `npm run secret -- signing`: a random text for PATH_SECRET or SIGNING_KEYS.

import { randomBytes, randomInt } from "node:crypto";
import { main } from "./shell.mjs";

// A key may stand in a repository's name, which knows no capitals: 32 of 36 characters are 165 bits.
const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
const kinds = {
  path: ["PATH_SECRET", () => Array.from({ length: 32 }, () => alphabet[randomInt(alphabet.length)]).join("")],
  signing: ["SIGNING_KEYS", () => randomBytes(32).toString("base64url")],
};

await main(async () => {
  const [name, make] = kinds[process.argv[2]] ?? [];
  if (!make) throw new Error("usage: npm run secret -- path | signing");
  console.log(`${make()}\n\nstore it: npx wrangler secret put ${name}`);
});
