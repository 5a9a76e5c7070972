// What a client is told of this proxy: the one source of the web page and of docs/clients/ (scripts/docs.mjs).

/** Those that get a block where a client wants one for each registry. */
const usual = ["docker.io", "ghcr.io", "quay.io", "registry.k8s.io", "gcr.io"];

const certs = "/etc/containerd/certs.d";

/**
 * `path` is "" or "/<key>"; `registry` is the one that the host stands for, on a gateway its default. `note` is plain text; a
 * configuration without a `file` is a command.
 */
export const configurations = ({ authority, secure, path, gateway, registry, registries }) => {
  const url = `http${secure ? "s" : ""}://${authority}${path}`;
  const mirror = authority + path;
  const names = gateway ? usual.filter((name) => registries.some((known) => known.name === name)) : [registry];
  const each = (block) => names.map(block).join("\n");

  const hub = names.includes("docker.io");
  // Docker's own store does not tell a mirror which registry is meant.
  const before = gateway && registry !== "docker.io" ? "/docker.io" : "";
  const daemon = {
    ...(hub && { "registry-mirrors": [url + before] }),
    ...(!secure && { "insecure-registries": [authority] }),
  };
  const pull = `docker pull ${mirror}/${gateway ? "ghcr.io/" : ""}owner/image`;
  const docker = Object.keys(daemon).length
    ? { file: "/etc/docker/daemon.json", language: "json", text: JSON.stringify(daemon, null, 2) + "\n" }
    : { file: "", language: "sh", text: `${pull}\n` };

  return [
    {
      id: "docker",
      client: "Docker",
      title: hub ? "A mirror of Docker Hub" : "The host in the image's name",
      ...docker,
      note:
        (hub && path + before ? "A mirror with a path needs Docker 26 or later. " : "") +
        (docker.file ? "Then: systemctl restart docker. " : "") +
        (hub && !gateway ? "" : `Docker's mirrors are for Docker Hub alone; for others: ${pull}`),
    },
    {
      id: "containerd",
      client: "containerd, nerdctl, ctr",
      title: gateway ? "One file for all registries" : `A mirror of ${registry}`,
      file: `${certs}/${gateway ? "_default" : registry}/hosts.toml`,
      language: "toml",
      text: `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`,
      note: `No restart. Kubernetes reads it where containerd's config.toml has config_path = "${certs}"; ctr wants --hosts-dir ${certs}.`,
    },
    {
      id: "podman",
      client: "podman, skopeo, buildah, CRI-O",
      title: "One mirror a registry",
      file: "/etc/containers/registries.conf.d/pierhead.conf",
      language: "toml",
      text: each(
        (name) =>
          `[[registry]]\nlocation = "${name}"\n\n[[registry.mirror]]\nlocation = "${mirror}${gateway ? `/${name}` : ""}"\n` +
          (secure ? "" : "insecure = true\n"),
      ),
      note: "No restart; CRI-O: systemctl restart crio. A block more for each other registry.",
    },
    {
      id: "k3s",
      client: "k3s, RKE2",
      title: "Mirrors of each registry",
      file: "/etc/rancher/k3s/registries.yaml",
      language: "yaml",
      // What has a path there is taken as it stands.
      text: `mirrors:\n${names.map((name) => `  ${name}:\n    endpoint:\n      - "${url}${path && "/v2"}"\n`).join("")}`,
      note: "On every node, then: systemctl restart k3s (or k3s-agent). RKE2: /etc/rancher/rke2/registries.yaml.",
    },
    {
      id: "buildkit",
      client: "BuildKit, buildx",
      title: "Mirrors of each registry",
      file: "buildkitd.toml",
      language: "toml",
      text:
        each((name) => `[registry."${name}"]\n  mirrors = ["${mirror}"]\n`) +
        (secure ? "" : `\n[registry."${authority}"]\n  http = true\n`),
      note: "docker buildx create --use --buildkitd-config buildkitd.toml; a buildkitd of its own reads /etc/buildkit/buildkitd.toml.",
    },
    {
      id: "kind",
      client: "kind",
      title: "containerd's files in every node",
      file: "kind.yaml",
      language: "yaml",
      text: `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
containerdConfigPatches:
  - |-
    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = "${certs}"
nodes:
  - role: control-plane
    extraMounts:
      - hostPath: ${certs}
        containerPath: ${certs}
`,
      note: "With the file for containerd on this machine. kind create cluster --config kind.yaml",
    },
  ];
};
