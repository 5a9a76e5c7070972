// The requests of one pull on linux/amd64, in each client's order and with its parallelism, as they were recorded from the
// clients themselves. Two things are left out: TLS, and that classic docker opens a connection for every request.

import { Session } from "./client.js";

const [index, manifest, list, docker] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const anything = [docker, list, manifest, index].join(", ");

export const replays = {
  async "docker classic"(client, repository) {
    const session = new Session(client, repository);
    await session.ping();
    const top = await session.manifest(await session.resolve("latest", anything), anything);
    const { config, layers } = await session.manifest(amd64(top), anything);
    await all(session, [config, ...layers]);
  },

  async containerd(client, repository) {
    // Its resolver and its fetcher do not share a token.
    const [resolver, fetcher] = [new Session(client, repository), new Session(client, repository)];
    const digest = await resolver.resolve("latest", `${anything}, */*`);
    const top = await fetcher.manifest(digest, `${index}, */*`);
    const { config, layers } = await fetcher.manifest(amd64(top), `${manifest}, */*`);
    await all(fetcher, [config, ...layers]);
  },

  async podman(client, repository) {
    const session = new Session(client, repository);
    await session.ping();
    const top = await session.tagged("latest", anything);
    const { config, layers } = await session.manifest(amd64(top), anything);
    await session.blob(config);
    await all(session, layers);
  },
};

const amd64 = ({ manifests }) => manifests.find(({ platform }) => platform.architecture === "amd64").digest;

const all = (session, blobs) => Promise.all(blobs.map((blob) => session.blob(blob)));
