// `npm run smoke -- https://docker.example.com …`: proves that a deployed proxy serves. One small image of Docker Hub is pulled through each
// address, every byte verified. `--image registry.k8s.io/pause:3.9` is another one, on a gateway. PIERHEAD_LOGIN (`user:token`) is a
// user of the proxy's own, where it has such.

import { parseArgs } from "node:util";
import { pull } from "./pull.mjs";
import { main } from "./shell.mjs";

const small = "library/hello-world:latest";
const platform = "linux/amd64";

/** A new domain has neither name nor certificate at once. */
const patience = { tries: 12, pause: 10_000 };

export async function smoke(origins, image = small) {
  const login = process.env.PIERHEAD_LOGIN;
  const [, repository, tag] = image.match(/^(.+?)(?::([^/:]+))?$/);
  for (const origin of origins) {
    await until(async () => {
      const health = await fetch(new URL("/healthz", origin), { redirect: "manual" });
      if ((await health.text()) !== "ok\n") throw new Error(`${origin}/healthz is not this Worker (${health.status})`);
    });
    try {
      const { objects, bytes } = await pull(origin, repository, tag ?? "latest", () => {}, { platform, login });
      console.log(`${origin}: ${objects} objects, ${bytes} bytes, verified`);
    } catch (error) {
      throw new Error(`${origin}: ${error.message}`);
    }
  }
}

async function until(attempt) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tried === patience.tries) throw error;
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
