// Looks for an image through this proxy: is it there, for which platforms, and how large.

const manifestTypes = ["oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2"]
  .map((type) => `application/vnd.${type}+json`)
  .join();

/** Asks this proxy, below `path`. No login of the browser's is sent, and none is asked for. */
const ask = async ({ path, ...image }, resource, accept = "*/*") => {
  const options = { headers: { accept }, credentials: "omit", cache: "no-store" };
  const fetched = (url) =>
    fetch(`${path}/${url}`, options).catch(() => {
      throw { own: "unreachable" };
    });
  // A digest is a registry's word, and no way to other places.
  if (!/^\w+\/[\w.:+-]+$/.test(resource)) throw new Error("not a tag or digest");
  const get = () => fetched(`${image.repository}/${resource}`);
  let answer = await get();
  if (answer.status === 401) {
    // To whoever has been to the token endpoint the registry's own words are told.
    const scope = `repository:${image.name}:pull`;
    const token = await fetched(`token/${image.registry}?scope=${encodeURIComponent(scope)}`);
    if (token.ok) {
      options.headers.authorization = `Bearer ${(await token.json()).token}`;
      answer = await get();
    }
  }
  if (answer.ok) return answer;
  const { errors: [said] = [] } = await answer.json().catch(() => ({}));
  throw {
    code: said?.code ?? answer.status,
    message: said?.message ?? "",
    detail: typeof said?.detail === "string" ? said.detail : "",
    ours: answer.headers.has("x-pierhead-error"),
    retry: answer.headers.get("retry-after"),
  };
};

const platformOf = ({ os, architecture, variant, "os.version": version } = {}) =>
  [os, architecture, variant].filter(Boolean).join("/") + (version ? ` ${version}` : "");

const sizeOf = ({ config, layers }) => ({
  bytes: [config, ...layers].reduce((sum, { size }) => sum + size, 0),
  layers: layers.length,
});

/** Finds out about an image: one request, and one more for each platform that is measured. */
export const inspect = async (image) => {
  const answer = await ask(image, `manifests/${image.digest ?? image.tag ?? "latest"}`, manifestTypes);
  const manifest = await answer.json();
  const found = {
    digest: answer.headers.get("docker-content-digest"),
    cache: answer.headers.get("x-pierhead-cache"),
    kind: manifest.mediaType ?? answer.headers.get("content-type"),
    parts: [],
  };
  if (Array.isArray(manifest.manifests)) {
    // Attestations stand among the platforms as one that nobody knows.
    const parts = manifest.manifests.filter(({ platform }) => platform?.os !== "unknown");
    found.parts = parts.map(({ digest, platform }) => ({ digest, platform: platformOf(platform) }));
  } else {
    const part = sizeOf(manifest);
    if (/image/.test(manifest.config.mediaType) && manifest.config.size < 1e6) {
      // Where blobs are not the proxy's to send, the platform stays unknown.
      const config = await ask(image, `blobs/${manifest.config.digest}`).catch(() => undefined);
      part.platform = platformOf(await config?.json());
    } else found.kind = manifest.artifactType ?? manifest.config.mediaType;
    found.parts = [part];
  }
  return found;
};

/** Measures platforms: each is a manifest more, which a registry counts. */
export const measure = (image, parts) =>
  Promise.all(
    parts.map(async (part) => {
      const answer = await ask(image, `manifests/${part.digest}`, manifestTypes);
      Object.assign(part, sizeOf(await answer.json()));
    }),
  );
