// The process that plays Docker Hub (hub.js), as the benchmark sees it.

import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { start } from "../scripts/shell.mjs";

const program = fileURLToPath(new URL("hub.js", import.meta.url));

/** Starts it, without delay and without images. */
export async function startHub() {
  const child = start(process.execPath, [program], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = new AbortController();
  child.once("close", () => ended.abort());
  const reply = async () => (await once(child, "message", { signal: ended.signal }))[0];
  const tell = (message) => {
    child.send(message);
    return reply();
  };
  return {
    port: (await reply()).port,
    /** Milliseconds before every answer. */
    setDelay: (delay) => tell({ delay }),
    makeImages: (images) => tell({ images }),
    /** How many requests it has had so far, once it is quiet. */
    requests: async () => (await tell({})).requests,
  };
}
