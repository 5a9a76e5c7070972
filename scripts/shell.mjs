// Runs other programs, and stops them when this one is told to stop.

import { spawn, spawnSync } from "node:child_process";

const running = new Set();
let statusWhenInterrupted = 130;

/** From here on an interrupt is the ordinary way to end. */
export const expectInterrupt = () => {
  statusWhenInterrupted = 0;
};

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => process.exit(statusWhenInterrupted));
}
process.on("exit", stopAll);

/** Stops all that this one has started. */
export function stopAll() {
  running.forEach(stop);
}

/** Stops a program and all that it started in turn. */
export function stop(child) {
  if (!running.delete(child)) return;
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // it has just ended by itself
  }
}

/** Starts a program as the leader of a process group of its own, so that `stop` reaches its children too. */
export function start(program, args, { env, ...options } = {}) {
  const child = spawn(program, args, { ...options, env: { ...process.env, ...env }, detached: true });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

const ended = (child) =>
  new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? code));
  });

/** Runs a program with its output shown. */
export async function run(program, args, options) {
  const status = await ended(start(program, args, { stdio: ["ignore", "inherit", "inherit"], ...options }));
  if (status !== 0) throw new Error(`\`${program} ${args.join(" ")}\` ended with ${status}`);
}

/** Runs a program behind one line of progress; its output is the answer, and shown only if it fails. */
export async function step(title, program, args, { seconds = Infinity, ...options } = {}) {
  const child = start(program, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const output = [];
  const progress = new Progress(title);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk) => {
      output.push(chunk);
      progress.detail = chunk.trim().split("\n").at(-1).trim();
    });
  }
  const limit = seconds < Infinity ? setTimeout(() => stop(child), seconds * 1000) : undefined;
  const status = await ended(child).finally(() => {
    clearTimeout(limit);
    progress.end();
  });
  if (status === 0) return output.join("");
  const error = new Error(`${title}: \`${program} ${args.join(" ")}\` ended with ${status}`);
  error.output = output.join("");
  throw error;
}

/** What a quick program prints, or undefined if it cannot be run. */
export function answer(program, args, options) {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8", ...options });
  return status === 0 ? stdout.trim() : undefined;
}

/** Seconds as 1:05. */
export const clock = (since) => {
  const seconds = Math.round((Date.now() - since) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

/** One line that is kept up to date on a terminal, and said again now and then elsewhere. */
class Progress {
  detail = "";

  constructor(title) {
    this.title = title;
    this.since = Date.now();
    const terminal = process.stderr.isTTY;
    process.stderr.write(`  ${title} …${terminal ? "" : "\n"}`);
    this.timer = setInterval(() => this.show(terminal), terminal ? 500 : 20_000);
  }

  show(terminal) {
    const line = `  ${this.title} … ${clock(this.since)}  ${this.detail}`;
    if (terminal) process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns - 1)}`);
    else process.stderr.write(`${line.slice(0, 100)}\n`);
  }

  end() {
    clearInterval(this.timer);
    process.stderr.write(`${process.stderr.isTTY ? "\r\x1b[K" : ""}  ${this.title} (${clock(this.since)})\n`);
  }
}

/** Runs the program's main function; a failure becomes a message and a non-zero exit. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    if (error.output) process.stderr.write(`${error.output}\n`);
    console.error(`\npierhead: ${error.message}`);
    process.exit(1);
  }
}
