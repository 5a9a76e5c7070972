// What pierhead is meant to reach. The benchmark says whether it does and fails on none of it: a machine has bad days.

/** What every ratio is to: a proxy that does nothing but pass on. */
export const baseline = "JavaScript pass-through";

const limits = { cold: 0.85, warm: 0.05, stored: 1.0, forwarded: 1.6 };

/** `{ name, ratio, limit, met }` of everything that was measured. */
export function targets(wall, cpu) {
  const list = Object.entries(wall).flatMap(([replay, { pierhead, [baseline]: base }]) =>
    ["cold", "warm"].map((state) => target(`${replay}, ${state}`, pierhead[state].ms / base[state].ms, limits[state])),
  );
  if (!cpu) return list;
  const ratio = (row) => cpu[row].us / cpu[baseline].us;
  return [
    ...list,
    target("CPU, from its store", ratio("pierhead, from its store"), limits.stored),
    target("CPU, passed through", ratio("pierhead, passed through"), limits.forwarded),
  ];
}

const target = (name, ratio, limit) => ({ name, ratio, limit, met: ratio <= limit });
