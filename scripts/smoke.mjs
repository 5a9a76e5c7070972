// `npm run smoke -- https://docker.example.com …`: proves that a deployed proxy serves. One small image of Docker Hub is pulled through each
// address, every byte verified. `--image registry.k8s.io/pause:3.9` is another one. PIERHEAD_LOGIN (`user:token`) is a user of the proxy's
// own, PIERHEAD_KEY its key, where it has such. Why one does not serve, `npm run doctor` tells.

import { parseArgs } from "node:util";
import { readImage } from "./doctor/subject.mjs";
import { pull } from "./pull.mjs";
import { main } from "./shell.mjs";

const platform = "linux/amd64";

/** A new domain has neither name nor certificate at once. */
const patience = { tries: 12, pause: 10_000 };

export async function smoke(origins, image) {
  const { PIERHEAD_LOGIN: login, PIERHEAD_KEY: key } = process.env;
  // The registry before `/v2/`: so it is found at every host of the proxy's, whatever that stands for.
  const { registry, repository, reference, text } = readImage(image);
  for (const origin of origins) {
    await until(async () => {
      const health = await fetch(new URL("/healthz", origin), { redirect: "manual" });
      const said = await health.text();
      // The Worker itself: it will say the same in a minute.
      if (health.headers.has("x-pierhead-error")) throw Object.assign(new Error(`${origin}: ${said}`), { final: true });
      if (said !== "ok\n") throw new Error(`${origin}/healthz is not this Worker (${health.status})`);
    });
    try {
      const { objects, bytes } = await pull(origin, repository, reference, () => {}, { platform, login, key, base: `/${registry}` });
      console.log(`${origin}: ${objects} objects, ${bytes} bytes, verified`);
    } catch (error) {
      throw new Error(`${origin}: ${error.message}\n\`npm run doctor -- ${origin} ${text}\` tells more`);
    }
  }
}

async function until(attempt) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (error.final || tried === patience.tries) throw error;
      await new Promise((resolve) => setTimeout(resolve, patience.pause));
    }
  }
}

if (process.argv[1].endsWith("smoke.mjs")) {
  await main(async () => {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { image: { type: "string" } } });
    if (positionals.length === 0) throw new Error("usage: npm run smoke -- https://docker.example.com … [--image NAME:TAG]");
    await smoke(positionals, values.image);
  });
}
