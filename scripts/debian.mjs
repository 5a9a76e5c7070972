// A Rust that can build for wasm32 out of Debian's packages, for networks in which rustup cannot download.
// Any user can do this: the packages are unpacked into a folder, and apt keeps its state there too.

import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answer, step } from "./shell.mjs";

const instructions =
  "the standard library for wasm32-unknown-unknown is missing, and neither `rustup target add wasm32-unknown-unknown` " +
  "nor Debian's package `rustc-web` can bring it here. Run the rustup command on a network that lets it download, then try again.";

// Never from the folder: the libraries that everything on this system is linked against.
const systemLibraries = /^(gcc-\d+-base|libc6|libgcc-s1|libstdc\+\+6)$/;

/** The environment in which the compiler in `folder` runs. */
export function debianEnvironment(folder, hostTriple) {
  const libraries = hostTriple.replace("-unknown", "");
  return {
    RUSTC: join(folder, "usr/bin/rustc"),
    LD_LIBRARY_PATH: ["usr/lib", "lib"].map((place) => join(folder, place, libraries)).join(":"),
  };
}

/** Unpacks Debian's newest rustc into `folder` and builds the wasm32 standard library for it. */
export async function debianRust(folder, hostTriple) {
  const apt = privateApt(join(folder, "apt"));
  if (!answer("apt-get", ["--version"]) || !answer("dpkg", ["--version"])) throw new Error(instructions);
  await step("Debian's package lists", "apt-get", ["-q", ...apt.options, "update"]);

  const packages = ["rustc-web", "rust-web-src", "rust-web-clippy", ...apt.dependencies("libstd-rust-web-dev")];
  if (packages.length === 3) throw new Error(instructions);
  await step("Rust from Debian's packages (140 MB)", "apt-get", ["-q", ...apt.options, "download", ...packages], {
    cwd: apt.archives,
  });
  const unpack = 'for package in *.deb; do dpkg -x "$package" "$0" || exit; done';
  await step("unpack", "sh", ["-c", unpack, folder], { cwd: apt.archives });
  rmSync(join(folder, "apt"), { recursive: true });
  await buildStd(folder, hostTriple);
  // The sources were needed for that only.
  rmSync(join(folder, "usr/src"), { recursive: true });
}

function privateApt(state) {
  const archives = join(state, "archives");
  for (const partial of ["lists/partial", "archives/partial"]) mkdirSync(join(state, partial), { recursive: true });
  const options = [`Dir::State::lists=${join(state, "lists")}`, `Dir::Cache=${state}`].flatMap((set) => ["-o", set]);
  const only = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map((kind) => `--no-${kind}`);
  return {
    archives,
    options,
    /** A package and all it needs, without what every system has. */
    dependencies(name) {
      const tree = answer("apt-cache", [...options, "depends", "--recurse", ...only, name]) ?? "";
      return tree.split("\n").filter((line) => /^[a-z]/.test(line) && !systemLibraries.test(line));
    },
  };
}

async function buildStd(folder, hostTriple) {
  const env = {
    ...debianEnvironment(folder, hostTriple),
    RUSTC_BOOTSTRAP: "1",
    // Without it the Worker's link-time optimisation finds no bitcode in these libraries.
    RUSTFLAGS: "-Cembed-bitcode=yes",
    CARGO_TARGET_DIR: join(folder, "target"),
  };
  const empty = mkdtempSync(join(tmpdir(), "pierhead-std-"));
  writeFileSync(join(empty, "Cargo.toml"), '[package]\nname = "empty"\nedition = "2021"\n[lib]\npath = "lib.rs"\n[workspace]\n');
  writeFileSync(join(empty, "lib.rs"), "");
  const target = "wasm32-unknown-unknown";
  const args = ["build", "-Zbuild-std=std,panic_abort", "--release", "--target", target];
  await step("the wasm32 standard library, built once", "cargo", args, { cwd: empty, env });
  rmSync(empty, { recursive: true });

  const built = join(folder, "target", target, "release/deps");
  const home = join(folder, "usr/lib/rustlib", target, "lib");
  mkdirSync(home, { recursive: true });
  for (const name of readdirSync(built).filter((name) => name.endsWith(".rlib"))) copyFileSync(join(built, name), join(home, name));
}
