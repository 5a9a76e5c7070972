// What the distribution spec has a client know: types of manifests, digests, challenges.

import { createHash } from "node:crypto";

export const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

export const digestOf = (bytes, algorithm = "sha256") => `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;

/** A `WWW-Authenticate` in its parts: the scheme and whatever parameters there are. */
export const readChallenge = (text) => {
  const parameters = [...(text ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]);
  return { ...Object.fromEntries(parameters), scheme: text?.match(/^\s*(\w+)/)?.[1].toLowerCase() };
};

/** Where a challenge wants its token to be fetched. */
export const tokenAddress = ({ realm, service, scope }) => {
  const url = new URL(realm);
  if (service) url.searchParams.set("service", service);
  if (scope) url.searchParams.set("scope", scope);
  return url;
};
