// The processor time of a whole program, as the kernel's scheduler counts it: all threads, and the processes it has started.

import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds so far; none where there is no such /proc. */
export function processorMs(pid) {
  try {
    return tasks(pid).reduce((sum, task) => sum + Number(read(`${task}/schedstat`).split(" ")[0]) / 1e6, 0);
  } catch {
    return undefined;
  }
}

const tasks = (pid) => {
  const own = readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`);
  const children = own.flatMap((task) => read(`${task}/children`).split(" ").filter(Boolean));
  return [...own, ...children.flatMap(tasks)];
};

const read = (path) => readFileSync(path, "utf8").trim();
