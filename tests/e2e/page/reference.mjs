// What src/site/ makes of what people paste, and its texts, without a browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { commands, locate, parse, references } from "../../../src/site/reference.js";
import { configurations } from "../../../src/site/snippets.js";
import { words } from "../../../src/site/words.js";

const digest = `sha256:${"0a".repeat(32)}`;

const registries = [
  { name: "docker.io", aliases: ["index.docker.io"], labels: ["docker", "hub"], library: true },
  { name: "ghcr.io", aliases: [], labels: ["ghcr"], library: false },
  { name: "quay.io", aliases: [], labels: ["quay"], library: false },
  { name: "registry.k8s.io", aliases: [], labels: ["k8s"], library: false },
  { name: "us.gcr.io", aliases: [], labels: [], library: false },
];
const gateway = { authority: "mirror.example.com", secure: true, path: "", gateway: true, registry: "docker.io", registries };
const host = { ...gateway, authority: "docker.example.com", gateway: false };

/** The image's name at the proxy, or the problem with it. */
const place = (text, site) => {
  const found = locate(parse(text), site);
  if (found.problem) return found.problem;
  return commands(found, site, "").docker.replace("docker pull ", "");
};

test("a reference has a place on a gateway and on a registry's host", () => {
  for (const [text, onGateway, onHost] of [
    ["nginx", "mirror.example.com/nginx", "docker.example.com/nginx"],
    ["nginx:1.27", "mirror.example.com/nginx:1.27", "docker.example.com/nginx:1.27"],
    ["library/nginx", "mirror.example.com/library/nginx", "docker.example.com/library/nginx"],
    ["grafana/grafana:8.3.1", "mirror.example.com/grafana/grafana:8.3.1", "docker.example.com/grafana/grafana:8.3.1"],
    ["docker.io/nginx", "mirror.example.com/nginx", "docker.example.com/nginx"],
    ["index.docker.io/a/b:1", "mirror.example.com/a/b:1", "docker.example.com/a/b:1"],
    ["docker.io/node.js/x", "mirror.example.com/docker.io/node.js/x", "docker.example.com/node.js/x"],
    ["registry.k8s.io/pause:3.9", "mirror.example.com/registry.k8s.io/pause:3.9", "k8s.example.com/pause:3.9"],
    [`ghcr.io/o/i@${digest}`, `mirror.example.com/ghcr.io/o/i@${digest}`, `ghcr.example.com/o/i@${digest}`],
    [`GHCR.io/o/i:1@${digest}`, `mirror.example.com/ghcr.io/o/i:1@${digest}`, `ghcr.example.com/o/i:1@${digest}`],
    ["us.gcr.io/a/b", "mirror.example.com/us.gcr.io/a/b", "elsewhere"],
    ["europe-docker.pkg.dev/a/b/c:1", "mirror.example.com/europe-docker.pkg.dev/a/b/c:1", "elsewhere"],
    ["docker://quay.io/a/b", "mirror.example.com/quay.io/a/b", "quay.example.com/a/b"],
    ["https://quay.io/a/b", "mirror.example.com/quay.io/a/b", "quay.example.com/a/b"],
    ["mirror.example.com/ghcr.io/o/i:1", "mirror.example.com/ghcr.io/o/i:1", "unserved"],
    ["docker.example.com/nginx", "unserved", "docker.example.com/nginx"],
    ["localhost:5000/x", "unserved", "unserved"],
    ["evil-docker.pkg.dev.example.com/x", "unserved", "unserved"],
    ["ghcr.io", "name", "name"],
    ["Nginx", "capitals", "capitals"],
    ["a//b", "name", "name"],
    ["<b>", "name", "name"],
    ["a:", "tag", "tag"],
    ["a:b:c", "tag", "tag"],
    ["a@sha256:0a", "digest", "digest"],
    ["${IMAGE}:1", "name", "name"],
  ]) {
    assert.equal(place(text, gateway), onGateway, text);
    assert.equal(place(text, host), onHost, text);
  }
});

test("a key, a port and another default stay in the name", () => {
  const keyed = { ...gateway, path: "/0123456789abcdefghij" };
  assert.equal(place("nginx", keyed), "mirror.example.com/0123456789abcdefghij/nginx");
  assert.equal(place("ghcr.io/o/i", keyed), "mirror.example.com/0123456789abcdefghij/ghcr.io/o/i");
  const pasted = "mirror.example.com/0123456789abcdefghij/ghcr.io/o/i";
  assert.equal(place(pasted, keyed), pasted);
  assert.equal(place("quay.io/o/i", { ...host, path: "/0123456789abcdefghij" }), "quay.example.com/0123456789abcdefghij/o/i");
  assert.equal(place("quay.io/o/i", { ...host, authority: "docker.localhost:8787" }), "quay.localhost:8787/o/i");
  assert.equal(place("quay.io/o/i", { ...host, authority: "127.0.0.1:8787" }), "elsewhere");
  assert.equal(place("quay.io/o/i", { ...host, authority: "localhost:8787" }), "elsewhere");
  const quay = { ...gateway, registry: "quay.io" };
  assert.equal(place("nginx", quay), "mirror.example.com/docker.io/nginx");
  assert.equal(place("quay.io/o/i", quay), "mirror.example.com/o/i");
});

test("each program has its command", () => {
  const all = (text, site, platform = "") => commands(locate(parse(text), site), site, platform);
  assert.deepEqual(all("nginx:1.27", gateway), {
    docker: "docker pull mirror.example.com/nginx:1.27",
    podman: "podman pull mirror.example.com/nginx:1.27",
    nerdctl: "nerdctl pull mirror.example.com/nginx:1.27",
    crictl: "crictl pull mirror.example.com/nginx:1.27",
    skopeo: "skopeo copy docker://mirror.example.com/nginx:1.27 oci:nginx:1.27",
  });
  assert.deepEqual(all(`ghcr.io/o/i:1@${digest}`, { ...gateway, secure: false }, "linux/arm/v7"), {
    docker: `docker pull --platform=linux/arm/v7 mirror.example.com/ghcr.io/o/i:1@${digest}`,
    podman: `podman pull --tls-verify=false --platform=linux/arm/v7 mirror.example.com/ghcr.io/o/i:1@${digest}`,
    nerdctl: `nerdctl --insecure-registry pull --platform=linux/arm/v7 mirror.example.com/ghcr.io/o/i:1@${digest}`,
    crictl: `crictl pull mirror.example.com/ghcr.io/o/i:1@${digest}`,
    skopeo:
      "skopeo --override-os linux --override-arch arm --override-variant v7 copy --src-tls-verify=false " +
      `docker://mirror.example.com/ghcr.io/o/i@${digest} oci:i:1`,
  });
});

test("images are found in whatever is pasted", () => {
  for (const [text, ...expected] of [
    ["nginx", "nginx"],
    ["  nginx \n\n redis:7\tpostgres, mysql\nnginx", "nginx", "redis:7", "postgres", "mysql"],
    ["- nginx\n- 'redis:7'", "nginx", "redis:7"],
    ["# nothing\nnginx # something", "nginx"],
    ["docker pull nginx", "nginx"],
    ["$ sudo docker pull -q --platform linux/arm64 nginx:1", "nginx:1 linux/arm64"],
    ["docker image pull --platform=linux/amd64 --all-tags nginx", "nginx linux/amd64"],
    ["docker pull --platform '$(rm)' nginx", "nginx"],
    ["/usr/bin/podman pull --arch arm64 --tls-verify=false a b", "a", "b"],
    ["docker run -it --rm -p 80:80 -e A=b --name web nginx:1 sh -c 'a b'", "nginx:1"],
    ["docker run -u 1000 nginx:1", "nginx:1"],
    ["docker run --rm -itu root alpine:3 sh", "alpine:3"],
    ["docker run -a stdin nginx:1", "nginx:1"],
    ["podman run --replace --name a nginx:1", "nginx:1"],
    ["docker run --sig-proxy nginx:1", "nginx:1"],
    ["docker pull -a nginx", "nginx"],
    ["docker run -d \\\n  -v /a:/b \\\n  nginx:1", "nginx:1"],
    ["docker pull a && docker pull b; nerdctl -n k8s.io pull c", "a", "b", "c"],
    ["ctr -n k8s.io images pull --plain-http --user a:b docker.io/library/a:1", "docker.io/library/a:1"],
    ["crictl pull --creds a:b registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"],
    ["skopeo copy docker://a/b:1 oci:x:1", "docker://a/b:1"],
    ["skopeo inspect --raw docker://a/b:1", "docker://a/b:1"],
    ["kubectl create deployment web --image=nginx:1 --replicas=2", "nginx:1"],
    ["kubectl run web --image nginx:1", "nginx:1"],
    ["image: nginx", "nginx"],
    ["    image: \"nginx:1\"  # the web", "nginx:1"],
    ["- image: 'ghcr.io/o/i:2'", "ghcr.io/o/i:2"],
    ["- name: x\n  image: a\n- image: b", "a", "b"],
    ['{"containers": [{"name": "x", "image": "a:1"}, {"image":"b"}]}', "a:1", "b"],
    ["web: {image: a, ports: [80]}", "a"],
    ["services:\n  web:\n    image: a\n    ports:\n      - \"80:80\"\n    depends_on:\n      - db\n  db:\n    image: b\n", "a", "b"],
    ["image:\n  repository: a\n  tag: 1", ],
    ["nginx\nimage: a\ndocker pull b\nghcr.io/o/i", "nginx", "a", "b", "ghcr.io/o/i"],
    ["FROM --platform=$BUILDPLATFORM golang:1 AS build\nRUN make\nFROM scratch\nFROM build\nfrom alpine", "golang:1", "alpine"],
    ["docker", "docker"],
    ["docker pull", ],
    ["", ],
  ]) {
    const found = references(text).map(({ text, platform }) => (platform ? `${text} ${platform}` : text));
    assert.deepEqual(found, expected, text);
  }
});

test("long and odd texts are no burden", () => {
  const began = Date.now();
  for (const odd of ["a".repeat(200_000), "a/".repeat(100_000), "a-".repeat(100_000) + "!", "image: ".repeat(30_000), '"'.repeat(100_000)]) {
    references(odd).slice(0, 100).forEach(({ text }) => locate(parse(text), gateway));
  }
  assert.ok(Date.now() - began < 2000, `${Date.now() - began} ms`);
});

test("everything is said in Chinese too", () => {
  const html = readFileSync(new URL("../../../src/site/page.html", import.meta.url), "utf8");
  const keys = [...html.matchAll(/data-t="(\w+)"/g)].map(([, key]) => key);
  const said = new Set([...keys, ...Object.keys(words.en)]);
  assert.deepEqual([...said].filter((key) => !words.zh[key]), []);
  assert.deepEqual(Object.keys(words.zh).filter((key) => !said.has(key)), []);
  assert.deepEqual(Object.keys(words.zh.problem), Object.keys(words.en.problem));
});

test("configurations name this proxy", () => {
  for (const site of [gateway, host, { ...gateway, path: "/0123456789abcdefghij" }]) {
    const texts = configurations(site).map(({ text }) => text).join();
    assert.ok(texts.includes(site.authority + site.path));
    assert.ok(!/undefined|\[object/.test(texts), texts);
  }
});
