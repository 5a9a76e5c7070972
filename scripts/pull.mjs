// Pulls an image the way a container client does, and believes nothing that its digest does not prove.

import { digestOf, manifestTypes, readChallenge, tokenAddress } from "./distribution.mjs";

/**
 * Pulls `origin/repository:tag`, telling `report` of each request; the answer counts what was verified. All of its platforms, or
 * one such as `linux/amd64`; with a login (`user:password`) where the token endpoint wants one, and a key where the proxy does. `base`
 * stands before `/v2/`.
 */
export async function pull(origin, repository, tag, report, { platform, login, key, base = "" } = {}) {
  const client = new Client(origin, report, { login, key });
  const verified = { objects: 0, bytes: 0 };
  const verify = (bytes, { digest, size }) => {
    const actual = digestOf(bytes);
    if (actual !== digest) throw new Error(`expected ${digest}, got ${actual}`);
    if (size !== undefined && size !== bytes.length) throw new Error(`${digest}: expected ${size} bytes, got ${bytes.length}`);
    verified.objects += 1;
    verified.bytes += bytes.length;
    return bytes;
  };
  const get = async (kind, descriptor) => {
    const { bytes } = await client.get(`${base}/v2/${repository}/${kind}/${descriptor.digest}`);
    return verify(bytes, descriptor);
  };

  const top = await client.get(`${base}/v2/${repository}/manifests/${tag}`);
  const digest = top.headers.get("docker-content-digest");
  if (!digest) throw new Error(`the answer for ${tag} has no Docker-Content-Digest`);
  const image = JSON.parse(verify(top.bytes, { digest }));
  const wanted = ({ platform: has }) => !platform || `${has?.os}/${has?.architecture}` === platform;
  const manifests = image.manifests ? [] : [image];
  for (const descriptor of image.manifests?.filter(wanted) ?? []) manifests.push(JSON.parse(await get("manifests", descriptor)));
  if (manifests.length === 0) throw new Error(`${repository}:${tag} has no platform ${platform}`);
  for (const { config, layers } of manifests) {
    for (const blob of [config, ...layers]) await get("blobs", blob);
  }
  return verified;
}

class Client {
  #authorization;
  #login;
  #key;

  constructor(origin, report, { login, key }) {
    this.origin = origin;
    this.report = report;
    this.#key = key;
    this.#login = login && `Basic ${Buffer.from(login).toString("base64")}`;
  }

  async get(path) {
    let answer = await this.#send(path);
    if (answer.status === 401) {
      await this.#answerChallenge(answer.headers.get("www-authenticate"));
      answer = await this.#send(path);
    }
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status}\n${answer.bytes}`);
    return answer;
  }

  async #answerChallenge(challenge) {
    const parameters = readChallenge(challenge);
    if (!parameters.realm) throw new Error(`401 with a challenge that names no realm: ${challenge}`);
    const answer = await this.#send(tokenAddress(parameters).href, this.#login);
    if (answer.status !== 200) throw new Error(`the token endpoint answers ${answer.status}\n${answer.bytes}`);
    const { token, access_token } = JSON.parse(answer.bytes);
    this.#authorization = `Bearer ${token ?? access_token}`;
  }

  // The token is for the registry, and the login for whoever issues it.
  async #send(path, authorization = path.startsWith("/") ? this.#authorization : undefined) {
    const url = new URL(path, this.origin);
    const headers = { accept: manifestTypes.join(", "), "user-agent": "pierhead-demo" };
    if (authorization) headers.authorization = authorization;
    if (this.#key) headers["x-pierhead-key"] = this.#key;
    const since = performance.now();
    const response = await fetch(url, { headers, redirect: "manual" });
    const bytes = Buffer.from(await response.arrayBuffer());
    const milliseconds = Math.round(performance.now() - since);
    this.report({ method: "GET", path: url.pathname, status: response.status, size: bytes.length, milliseconds });
    return { status: response.status, headers: response.headers, bytes };
  }
}
