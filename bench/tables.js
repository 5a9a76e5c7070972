// The results as text.

import { baseline } from "./targets.js";

/** One replay, a line for each proxy; `names` has those that are not installed too. */
export function wallTable(replay, results, names) {
  const rows = names.map((name) => {
    const found = results[name];
    if (!found) return [name, "not installed"];
    const cells = ["cold", "warm"].flatMap((state) => {
      const [{ ms, cpu, requests, upstream }, base] = [found[state], results[baseline][state]];
      const processor = Number.isNaN(cpu) ? ["-", "-"] : [cpu.toFixed(1), times(cpu / base.cpu)];
      return [ms.toFixed(1), times(ms / base.ms), ...processor, requests, upstream];
    });
    return [name, ...cells];
  });
  const columns = ["ratio", "CPU ms", "ratio", "asked", "upstream"];
  return table([[replay, "cold ms", ...columns, "warm ms", ...columns], ...rows]);
}

export function cpuTable(cpu) {
  const rows = Object.entries(cpu).map(([name, { us, upstream }]) => [
    name,
    us.toFixed(0),
    times(us / cpu[baseline].us),
    upstream.toFixed(2),
  ]);
  return table([["CPU of workerd, per request", "µs", "ratio", "upstream"], ...rows]);
}

export const targetTable = (list) =>
  table([
    [`pierhead against the ${baseline}`, "ratio", "target", ""],
    ...list.map(({ name, ratio, limit, met }) => [name, times(ratio), `<= ${limit.toFixed(2)}`, met ? "met" : "missed"]),
  ]);

const times = (ratio) => `${ratio.toFixed(ratio < 0.1 ? 3 : 2)}x`;

/** Columns as wide as their widest cell; the first one to the left, numbers to the right. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => `${row[column] ?? ""}`.length)));
  return rows
    .map((row) => row.map((cell, column) => (column ? `${cell}`.padStart(widths[column]) : `${cell}`.padEnd(widths[0]))))
    .map((cells) => `  ${cells.join("   ")}`.trimEnd())
    .join("\n");
}
