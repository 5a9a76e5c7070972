// The images: an index of two platforms, each a manifest, a config and three layers. All of it follows from the name
// alone, so that a run measures what the last one did.

import { createCipheriv, createHash } from "node:crypto";

const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

/** The digest of the index of `name`, and everything it leads to as a map from digest to `{ mediaType, bytes }`. */
export function makeImage(name) {
  const content = new Map();
  const add = (mediaType, bytes) => {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    content.set(digest, { mediaType, bytes });
    return { mediaType, digest, size: bytes.length };
  };
  const addJson = (mediaType, value) => add(mediaType, Buffer.from(JSON.stringify(value)));

  const manifests = ["amd64", "arm64"].map((architecture) => {
    const platform = { architecture, os: "linux" };
    const layers = [1, 2, 3].map((number) => add(mediaTypes.layer, noise(`${name} ${architecture} ${number}`)));
    const rootfs = { type: "layers", diff_ids: layers.map((layer) => layer.digest) };
    const config = addJson(mediaTypes.config, { ...platform, config: { Env: [`NAME=${name}`] }, rootfs });
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers };
    return { ...addJson(mediaTypes.manifest, manifest), platform };
  });
  const index = addJson(mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests });
  return { digest: index.digest, content };
}

/** Between 2 and 200 KB that no program could make smaller. */
function noise(name) {
  const seed = createHash("sha256").update(name).digest();
  const size = 2_000 + (seed.readUInt32LE() % 198_000);
  return createCipheriv("aes-128-ctr", seed.subarray(0, 16), seed.subarray(16)).update(Buffer.alloc(size));
}
