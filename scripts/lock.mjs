// One run at a time prepares the toolchain: a second one waits for the first.

import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { toolchainDir } from "./project.mjs";

const path = join(toolchainDir, "lock");

export async function exclusively(body) {
  await acquire();
  process.on("exit", release);
  try {
    return await body();
  } finally {
    process.off("exit", release);
    release();
  }
}

const release = () => rmSync(path, { force: true });

async function acquire() {
  mkdirSync(toolchainDir, { recursive: true });
  // The process id is in the file before the file has its name: nobody ever reads an empty lock.
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, `${process.pid}`);
  try {
    for (let said = false; !taken(mine); said = true) {
      if (!said) console.error(`  waiting for another run (process ${holder()}, lock file ${path}) …`);
      await pause(500);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

function taken(mine) {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  if (!alive(holder())) release();
  return false;
}

function holder() {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    return undefined; // released in the meantime
  }
}

function alive(pid) {
  if (!pid) return true; // ask again
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
