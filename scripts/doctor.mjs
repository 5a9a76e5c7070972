// `npm run doctor -- HOST [IMAGE]`: what is wrong with a proxy, in one sentence. The questions are those of a client's pull, in its order;
// the first that fails is the fault. Exit code 0: all is well; 1: there is a fault; 2: it was not asked right.
//
//   HOST             docker.example.com, https://mirror.example.com/<key>, localhost:8787
//   IMAGE            as behind `docker pull`; else hello-world of Docker Hub
//   --json           one object: { host, image, checks: [{ name, ok, millis, said }], fault, verdict, exit }
//   --limit SECONDS  how long one question may take (30; the Worker itself gives an upstream 20)
//
// PIERHEAD_LOGIN (`user:token`) is a user of the proxy's own, PIERHEAD_KEY its key, where it has such. Neither is printed, nor is a token.

import { parseArgs } from "node:util";
import { commands, locate, parse } from "../src/site/reference.js";
import { questions } from "./doctor/questions.mjs";
import { readHost, readImage } from "./doctor/subject.mjs";
import { Fault, sentence, wrong } from "./doctor/verdicts.mjs";
import { Visit } from "./doctor/visit.mjs";
import { Wire } from "./doctor/wire.mjs";

const usage = "usage: npm run doctor -- HOST [IMAGE] [--json] [--limit SECONDS]";

/** Longer than this and a person wonders, in milliseconds. */
const patience = 5000;

function read() {
  const options = { json: { type: "boolean" }, limit: { type: "string", default: "30" } };
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const [text, imageText, ...more] = positionals;
  if (!text || more.length > 0) throw new Error("expected one HOST and at most one IMAGE");
  const seconds = Number(values.limit);
  if (!(seconds > 0 && seconds <= 3600)) throw new Error(`\`--limit ${values.limit}\` is no number of seconds`);
  const host = readHost(text);
  if (host.registry && !imageText) throw new Error(`\`/${host.registry}\` names a registry: name an IMAGE of it`);
  const { PIERHEAD_LOGIN: login, PIERHEAD_KEY: key } = process.env;
  if (login && !/^[^:]+:./.test(login)) throw new Error("PIERHEAD_LOGIN is no `user:token`");
  if (key && !/^[a-z0-9]{20,64}$/.test(key)) throw new Error("PIERHEAD_KEY is no key: expected 20 to 64 lower-case letters and digits");
  const visit = new Visit({ host, image: readImage(imageText, host.registry), login, key, wire: new Wire(seconds) });
  return { visit, json: values.json };
}

/** Asks until something fails. */
async function examine(visit, tell) {
  const checks = [];
  for (const [name, ask] of Object.entries(questions)) {
    const since = performance.now();
    const check = { name, ok: true, millis: 0, said: "" };
    let fault;
    try {
      check.said = await ask(visit);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault = new Fault(error.kind, { question: name, ...error.facts });
      Object.assign(check, { ok: false, said: wrong(fault, visit.about) });
    }
    check.millis = Math.round(performance.now() - since);
    check.said = visit.plain(check.said);
    checks.push(check);
    tell(check);
    if (fault) return { checks, fault };
  }
  return { checks, fault: visit.stale ? new Fault("stale") : undefined };
}

/** What is said of a proxy that is well, and how the image is called there. */
function praise(visit, checks) {
  const { host, image, site, handedOn } = visit;
  const [slowest] = checks.toSorted((one, other) => other.millis - one.millis);
  return [
    `all is well: \`${image.text}\` came through \`${host.authority}\`, verified`,
    slowest.millis > patience && `slowly, though: ${slowest.name} took ${slowest.millis} ms`,
    handedOn && `blobs are handed on to \`${handedOn}\`, as \`blobs = "redirect"\` says`,
    site && command(visit),
  ]
    .filter(Boolean)
    .join("; ");
}

/** The command for the image, as the page of the host would have it. */
function command({ host, image, site }) {
  const { registry, repository, reference } = image;
  const name = site.registries.find(({ labels = [] }) => labels.includes(registry))?.name ?? registry;
  const about = {
    ...site,
    authority: host.authority,
    secure: host.secure,
    path: host.key ? "/<key>" : "",
    registries: site.registries.map((row) => ({ labels: [], aliases: [], ...row })),
  };
  const found = locate(parse(`${name}/${repository}${reference.includes(":") ? "@" : ":"}${reference}`), about);
  if (found.problem === "elsewhere") return `clients need another host for it: this one is for ${found.home} alone`;
  if (found.problem) return undefined;
  const pull = `\`${commands(found, about, "").docker}\``;
  return found.beside ? `this host is for ${site.registry}, so clients need the one beside it: ${pull}` : pull;
}

let asked;
try {
  asked = read();
} catch (error) {
  console.error(`${error.message}\n${usage}`);
  process.exit(2);
}

const { visit, json } = asked;
const row = ({ name, ok, millis, said }) => `  ${name.padEnd(10)} ${ok ? "ok   " : "FAILS"} ${`${millis} ms`.padStart(8)}  ${said}`;
if (!json) console.log(`${visit.host.authority}, ${visit.image.text}\n`);
const { checks, fault } = await examine(visit, (check) => json || console.log(row(check)));
const verdict = visit.plain(fault ? sentence(fault, visit.about) : `${praise(visit, checks)}.`);
process.exitCode = fault ? 1 : 0;
if (json) {
  const { host, image } = visit;
  const report = { host: host.authority, image: image.text, checks, fault: fault?.kind ?? null, verdict, exit: process.exitCode };
  console.log(JSON.stringify(report));
} else console.log(`\n${verdict}`);
