// From what somebody pastes to the commands that pull it through this proxy. Pure functions: the page shows what they say.

/** Programs whose command lines name images, and the verbs behind which they do. */
const programs = /^(\S*\/)?(docker|podman|nerdctl|crictl|ctr|skopeo|buildah|crane)$/;
const verbs = /^(pull|run|create|copy|inspect)$/;
/** Options without a value. Any other takes the word behind it, unless its value stands behind a `=`. */
const alone =
  /^(-[diqtP]+|--|.*=.*|--(all|all-tags|all-platforms|detach|disable-content-trust|init|interactive|local|no-healthcheck|no-hosts|oom-kill-disable|plain-http|privileged|publish-all|quiet|raw|read-only|replace|rm|sig-proxy|tty|unpack))$/;

const key = /(?:^|[\s{[,])(?:image:(?:\s|$)|["']image["']\s*:|--image[=\s])\s*["']?([^\s"',}\]]*)/g;
const from = /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$/i;

/** The images that a text names, as it writes them: { text, platform }, each once. */
export const references = (text) => {
  const lines = text
    .replace(/\\\r?\n/g, " ")
    .split(/\r?\n|\r|&&|[;|]/)
    .map((line) => line.replace(/(^|\s)#.*/, ""));
  // Of a whole file only those lines count that name an image; of a list, all.
  const isFile = lines.some((line) => line.search(key) >= 0 || from.test(line));
  const stages = ["scratch"];
  const found = new Map();
  const add = (text, platform = "") => text && found.set(`${text} ${platform}`, { text, platform });
  for (const line of lines) {
    const named = [...line.matchAll(key)];
    const [, base, stage] = from.exec(line) ?? [];
    const words = line.match(/[^\s"',]+/g) ?? [];
    const at = words.findIndex((word) => programs.test(word));
    if (named.length) named.forEach(([, image]) => add(image));
    else if (base) {
      if (!stages.includes(base)) add(base);
      stages.push(stage);
    } else if (at >= 0 && words.length > at + 1) ofCommand(words.slice(at + 1)).forEach(({ text, platform }) => add(text, platform));
    else if (!isFile) words.filter((word) => word !== "-").forEach((word) => add(word));
    else if (words.length === 1 && /^["'\w].*[^:]$/.test(line)) add(words[0]);
  }
  return [...found.values()];
};

/** The images that a command line names, from behind the program's name. */
const ofCommand = (words) => {
  const start = words.findIndex((word) => verbs.test(word));
  // What `docker compose pull` names is a service.
  if (words.slice(0, start).includes("compose")) return [];
  const images = [];
  let platform = "";
  for (let at = start + 1; start >= 0 && at < words.length; at += 1) {
    const word = words[at];
    const value = /^--platform(?:=(.+))?$/.exec(word);
    if (value) platform = value[1] ?? words[at + 1] ?? "";
    // To `pull` all tags, to `run` a stream.
    if (alone.test(word) || (word === "-a" && words[start] === "pull")) continue;
    if (word.startsWith("-")) at += 1;
    else {
      images.push(word);
      // What follows is no image: the container's command, or where to copy to.
      if (/^(run|create|copy)$/.test(words[start])) break;
    }
  }
  if (!/^[a-z0-9]+(\/[a-z0-9]+){1,2}$/.test(platform)) platform = "";
  return images.map((text) => ({ text, platform }));
};

/** An image's reference in its parts, host and all; or what is wrong with it. */
export const parse = (text) => {
  const [whole, digest] = text.replace(/^[a-z]+:\/\//, "").split(/@(.*)/s);
  const slash = whole.indexOf("/");
  const first = whole.slice(0, Math.max(slash, 0));
  const host = /[.:]|^localhost$/.test(first) ? first : "";
  const [name, tag] = whole.slice(host ? slash + 1 : 0).split(/:([^/]*)$/);
  const sound = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
  if (!sound.test(name) || name.length > 255) return { text, problem: sound.test(name.toLowerCase()) ? "capitals" : "name" };
  if (tag !== undefined && !/^\w[\w.-]{0,127}$/.test(tag)) return { text, problem: "tag" };
  if (digest !== undefined && !/^sha256:[a-f0-9]{64}$|^sha512:[a-f0-9]{128}$/.test(digest)) return { text, problem: "digest" };
  return { text, host: host.toLowerCase() || "docker.io", name, tag, digest };
};

/** The registry that a name means. Each location of Artifact Registry is one. */
const find = (host, { registries }) =>
  registries.find(({ name, aliases }) => name === host || aliases.includes(host)) ??
  (/^[a-z0-9][a-z0-9-]{0,39}-docker\.pkg\.dev$/.test(host) ? { name: host, labels: [], aliases: [] } : undefined);

/** The host beside this one that stands for another registry. */
export const sibling = ({ authority }, [label]) => {
  const zone = authority.slice(authority.indexOf("."));
  return label && zone.startsWith(".") && !/^[\d.]+(:\d+)?$/.test(zone) ? label + zone : "";
};

/**
 * Where this proxy has an image: `image` is its name here without tag and digest, `repository` its path below this page. Or what
 * is wrong. `site` is what the page says of itself, see `configurations`.
 */
export const locate = (parsed, site) => {
  if (parsed.problem) return parsed;
  let { host, name } = parsed;
  if (host === site.authority) {
    // It is written for this proxy already.
    const below = `${site.path}/`.slice(1);
    if (name.startsWith(below)) name = name.slice(below.length);
    const [first, ...rest] = name.split("/");
    const named = site.gateway && rest.length > 0 && find(first, site);
    host = named ? first : site.registry;
    if (named) name = rest.join("/");
  }
  const registry = find(host, site);
  if (!name.includes("/") && find(name, site)) return { ...parsed, problem: "name" };
  if (!registry) return { ...parsed, problem: "unserved", host };
  const home = registry.name === site.registry;
  const full = registry.library && !name.includes("/") ? `library/${name}` : name;
  const found = { ...parsed, registry: registry.name, name: full };
  // A dot in front would be read as another registry's name.
  const prefix = site.gateway && !(home && !/^[^/]*\./.test(name)) ? `${registry.name}/` : "";
  if (site.gateway || home) {
    return { ...found, image: `${site.authority}${site.path}/${prefix}${name}`, repository: `v2/${prefix}${name}` };
  }
  const beside = sibling(site, registry.labels);
  if (!beside) return { ...found, problem: "elsewhere", home: site.registry };
  return { ...found, beside, image: `${beside}${site.path}/${name}`, repository: `${registry.name}/v2/${name}` };
};

/** The command of each program for an image that was located. */
export const commands = ({ image, name, tag, digest }, { secure }, platform) => {
  const [tagged, pinned] = [tag ? `:${tag}` : "", digest ? `@${digest}` : ""];
  const reference = image + tagged + pinned;
  const given = platform ? ` --platform=${platform}` : "";
  const [os, architecture, variant] = platform.split("/");
  const overridden = platform && ` --override-os ${os} --override-arch ${architecture}${variant ? ` --override-variant ${variant}` : ""}`;
  const unless = (option) => (secure ? "" : ` ${option}`);
  // skopeo takes a tag or a digest, not both.
  const source = `docker://${image}${pinned || tagged}`;
  return {
    docker: `docker pull${given} ${reference}`,
    podman: `podman pull${unless("--tls-verify=false")}${given} ${reference}`,
    nerdctl: `nerdctl${unless("--insecure-registry")} pull${given} ${reference}`,
    crictl: `crictl pull ${reference}`,
    skopeo: `skopeo${overridden} copy${unless("--src-tls-verify=false")} ${source} oci:${name.replace(/.*\//, "")}:${tag ?? "latest"}`,
  };
};
