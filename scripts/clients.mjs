// Container clients of a later Debian release, for the tests: unpacked into .toolchain/clients, not installed.
//
// They run on this release, with its runc. They come from the mirror that this machine's own apt uses, and apt checks
// them with Debian's keys; it keeps its lists and archives in the folder, and looks at no installed package.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { exclusively } from "./lock.mjs";
import { toolchainDir } from "./project.mjs";
import { answer, main, step } from "./shell.mjs";
import { complete } from "./toolchain.mjs";

const suite = "forky";
// Those alone whose programs need nothing that this release lacks.
const packages = ["containerd", "crane", "docker-cli", "docker.io", "oras"];
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

export const clientsDir = join(toolchainDir, "clients");
// The suite, then the packages that were unpacked.
const receipt = (home) => join(home, "packages");

/** Brings the clients, unless they are there already; the answer says which they are. */
export async function clients() {
  return exclusively(async () => {
    if (!isComplete()) {
      rmSync(clientsDir, { recursive: true, force: true });
      await complete(clientsDir, unpack);
    }
    const [, ...names] = unpacked();
    return `Debian ${suite}: ${names.join(", ")} (${clientsDir}; remove the folder to fetch them anew)`;
  });
}

function isComplete() {
  if (!existsSync(receipt(clientsDir))) return false;
  const [from, ...names] = unpacked();
  return from === suite && names.map((name) => name.split(" ")[0]).join() === packages.join();
}

const unpacked = () => readFileSync(receipt(clientsDir), "utf8").trim().split("\n");

async function unpack(home) {
  const apt = privateApt(join(home, "apt"));
  await step(`package lists of Debian ${suite}`, "apt-get", ["-q", ...apt.options, "update"]);
  const download = ["-q", ...apt.options, "download", ...packages];
  await step(`${packages.join(", ")} (65 MB)`, "apt-get", download, { cwd: apt.archives });
  const script = 'for package in *.deb; do dpkg -x "$package" "$0" || exit; done';
  await step("unpack", "sh", ["-c", script, home], { cwd: apt.archives });
  const names = readdirSync(apt.archives).filter((name) => name.endsWith(".deb")).sort();
  const versions = names.map((name) => name.split("_").slice(0, 2).map(decodeURIComponent).join(" "));
  rmSync(join(home, "apt"), { recursive: true });
  writeFileSync(receipt(home), `${[suite, ...versions].join("\n")}\n`);
}

/** An apt that knows the later suite only. */
function privateApt(state) {
  const source = `deb [signed-by=${keyring}] ${mirror()} ${suite} main\n`;
  const archives = join(state, "archives");
  for (const folder of ["lists/partial", "archives/partial", "none"]) mkdirSync(join(state, folder), { recursive: true });
  writeFileSync(join(state, "sources.list"), source);
  writeFileSync(join(state, "status"), "");
  const settings = [
    `Dir::Etc::sourcelist=${join(state, "sources.list")}`,
    `Dir::Etc::sourceparts=${join(state, "none")}`,
    "Dir::Etc::preferences=/dev/null",
    `Dir::Etc::preferencesparts=${join(state, "none")}`,
    `Dir::State::lists=${join(state, "lists")}`,
    `Dir::State::status=${join(state, "status")}`,
    `Dir::Cache=${state}`,
    "Acquire::Languages=none",
    "Acquire::Retries=3",
    "Acquire::AllowInsecureRepositories=false",
    "APT::Get::AllowUnauthenticated=false",
  ];
  return { archives, options: settings.flatMap((setting) => ["-o", setting]) };
}

/** The address from which this machine's apt has its own release. */
function mirror() {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const own = /^ID=debian$/m.test(release) && release.match(/^VERSION_CODENAME=(\w+)$/m)?.[1];
  const format = "$(REPO_URI) $(COMPONENT) $(RELEASE) $(CODENAME)";
  const targets = answer("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]) ?? "";
  const lines = targets.split("\n").map((line) => line.split(" "));
  const found = lines.find(([, component, ...names]) => component === "main" && names.includes(own));
  if (!own || !found || !existsSync(keyring)) {
    throw new Error(
      `the newer clients (${packages.join(", ")}) come from Debian's packages: this needs a Debian whose apt has a mirror ` +
        `of its own release, and ${keyring}. PIERHEAD_CLIENTS can name a folder that has the programs.`,
    );
  }
  return found[0];
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(async () => console.log(await clients()));
