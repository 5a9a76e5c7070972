// What the doctor is asked about: a host and an image, as people write them.

import { parse } from "../../src/site/reference.js";
import { words } from "../../src/site/words.js";

/** Small, of one layer, and always there. */
const usual = "hello-world";

/** What somebody wrote, without what could be a key. */
const shown = (text) => text.replace(/[a-z0-9]{20,64}/g, "…");

export const isLoopback = (name) => /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(name);

/**
 * Reads HOST: `docker.example.com`, `http://localhost:8787`, `mirror.example.com/<key>`, `mirror.example.com/ghcr`. Plain http is for
 * this machine's own names.
 */
export function readHost(text) {
  const [, scheme, rest] = text.match(/^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is);
  const bare = `//${rest}`;
  if (scheme && !/^https?$/i.test(scheme)) throw new Error(`\`${scheme}://\` is not how a proxy is asked: write \`https://\``);
  if (!URL.canParse(`https:${bare}`)) throw new Error(`\`${shown(text)}\` is no host; expected such as \`docker.example.com\``);
  const { username, password, hostname, search, hash } = new URL(`https:${bare}`);
  if (username || password) throw new Error("a login does not belong into HOST: set PIERHEAD_LOGIN=user:token");
  if (search || hash) throw new Error(`\`${shown(search + hash)}\` does not belong into HOST`);
  const protocol = scheme?.toLowerCase() ?? (isLoopback(hostname) ? "http" : "https");
  if (protocol === "http" && !isLoopback(hostname)) {
    throw new Error(`\`http://${hostname}\`: plain http is for this machine alone; write \`https://${hostname}\``);
  }
  const { origin, host, port, pathname } = new URL(`${protocol}:${bare}`);
  const path = pathname.split("/").filter(Boolean);
  // As the configuration of some clients has it.
  if (path.at(-1) === "v2") path.pop();
  const key = /^[a-z0-9]{20,64}$/.test(path[0]) ? path.shift() : undefined;
  if (path.length > 1) throw new Error(`\`${path.join("/")}\` is more than a host: write the image behind it, as a word of its own`);
  const secure = protocol === "https";
  return { origin, authority: host, name: hostname, port: Number(port) || (secure ? 443 : 80), secure, key, registry: path[0] };
}

/** Reads IMAGE, as one types it behind `docker pull`. `registry` is the one of an image that names none. */
export function readImage(text = usual, registry = "docker.io") {
  const image = parse(text);
  if (image.problem) throw new Error(words.en.problem[image.problem](image));
  const named = image.host !== "docker.io" || /^([a-z]+:\/\/)?docker\.io\//.test(text);
  const home = named ? image.host : registry;
  const repository = home === "docker.io" && !image.name.includes("/") ? `library/${image.name}` : image.name;
  const reference = image.digest ?? image.tag ?? "latest";
  return { registry: home, repository, reference, text: `${home}/${repository}${image.digest ? "@" : ":"}${reference}` };
}
