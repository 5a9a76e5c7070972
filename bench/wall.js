// How long a pull takes where every answer of the registry takes its time: cold (an image that the proxy was never asked for)
// and warm (the same image again). The proxies take turns, and each process is warm before anything counts.

import { Client } from "./client.js";
import { median } from "./numbers.js";
import { processorMs } from "./processor.js";
import { replays } from "./replays.js";

/** `{ replay: { proxy: { cold, warm } } }`, each with the medians of `ms`, `cpu` (ms), `requests` and `upstream` requests. */
export async function measureWall({ hub, proxies, runs, delay, report }) {
  const results = {};
  await hub.setDelay(delay);
  for (const [replay, pull] of Object.entries(replays)) {
    const samples = proxies.map(({ name }) => ({ name, cold: [], warm: [] }));
    for (let run = 0; run <= runs; run += 1) {
      report(`${replay}: ${run ? `run ${run} of ${runs}` : "warm-up"}`);
      const repository = `bench/${replay.replace(" ", "-")}-${run}`;
      await hub.makeImages([repository]);
      for (const state of ["cold", "warm"]) {
        // Nobody is always the one who comes after a certain other.
        for (const turn of proxies.keys()) {
          const place = (turn + run) % proxies.length;
          const sample = await measure(hub, proxies[place], pull, repository);
          if (run) samples[place][state].push(sample);
        }
      }
    }
    const summaries = samples.map(({ name, cold, warm }) => [name, { cold: summary(cold), warm: summary(warm) }]);
    results[replay] = Object.fromEntries(summaries);
  }
  await hub.setDelay(0);
  return results;
}

async function measure(hub, proxy, pull, repository) {
  const [before, spent] = [await hub.requests(), processorMs(proxy.pid)];
  const client = new Client(proxy);
  const since = performance.now();
  try {
    await pull(client, repository);
  } catch (error) {
    throw Object.assign(error, { message: `${proxy.name}: ${error.message}` });
  }
  const ms = performance.now() - since;
  client.close();
  // Counted once the upstream is quiet: what goes on after the pull is part of its price.
  const upstream = (await hub.requests()) - before;
  return { ms, cpu: processorMs(proxy.pid) - spent, requests: client.requests, upstream };
}

const summary = (samples) =>
  Object.fromEntries(["ms", "cpu", "requests", "upstream"].map((key) => [key, median(samples.map((sample) => sample[key]))]));
