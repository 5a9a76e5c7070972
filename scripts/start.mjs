// `npm start`: the Worker on this machine, with a demo registry to pull from, and proof that a pull works.
//
//   --port N    listen on http://localhost:N (8787)
//   --no-demo   only the Worker and the real network
//   --once      end after the proof

import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { pull } from "./pull.mjs";
import { clock, expectInterrupt, main, stop } from "./shell.mjs";
import { serve } from "./workerd.mjs";

const image = { repository: "demo.test/hello", tag: "latest" };

async function start() {
  const since = Date.now();
  const options = readOptions();
  await build();
  const { server, log, port } = await serve(options);
  const origin = `localhost:${port}`;
  try {
    if (options.demo) await prove(`http://${origin}`);
  } catch (error) {
    error.output = Buffer.concat(log).toString();
    throw error;
  }
  if (options.once) return stop(server);

  console.log(instructions(origin, options.demo));
  console.log(`Ready on http://${origin} after ${clock(since)}. Ctrl-C stops it. The Worker's log follows.\n`);
  expectInterrupt();
  server.stdout.pipe(process.stdout);
  server.stderr.pipe(process.stderr);
  server.once("close", (code, signal) => {
    console.error(`workerd ended by itself (${signal ?? code})`);
    process.exit(1);
  });
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8787" },
      demo: { type: "boolean", default: true },
      once: { type: "boolean", default: false },
    },
    allowNegative: true,
  });
  const port = Number(values.port);
  if (!(Number.isInteger(port) && port >= 0 && port < 65536)) throw new Error(`\`--port ${values.port}\` is no port number`);
  return { ...values, port };
}

async function prove(origin) {
  console.log(`\nPulling ${image.repository}:${image.tag} through the Worker, all platforms:\n`);
  const report = (request) => console.log(columns(request));
  const { objects, bytes } = await pull(origin, image.repository, image.tag, report);
  console.log(`\nVerified by SHA-256 and size: ${objects} objects, ${bytes} bytes.`);
}

const columns = ({ method, path, status, size, milliseconds }) =>
  [
    `  ${method}`,
    path.replace(/(sha256:.{12}).*/, "$1…").padEnd(54),
    status,
    `${size} B`.padStart(8),
    `${milliseconds} ms`.padStart(8),
  ].join(" ");

const instructions = (origin, demo) => `
${demo ? `The demo image, with your own client (any one of these):

  docker pull ${origin}/${image.repository}:${image.tag} && docker run --rm ${origin}/${image.repository}:${image.tag}
  podman pull --tls-verify=false ${origin}/${image.repository}:${image.tag}
  skopeo inspect --tls-verify=false docker://${origin}/${image.repository}:${image.tag}
  skopeo copy --src-tls-verify=false docker://${origin}/${image.repository}:${image.tag} oci:hello:latest
  ctr image pull --plain-http ${origin}/${image.repository}:${image.tag}

` : ""}Real registries, through the real network:

  docker pull ${origin}/docker.io/library/alpine
  docker pull ${origin}/ghcr.io/astral-sh/uv
  podman pull --tls-verify=false ${origin}/quay.io/prometheus/busybox

containerd, for all images of Docker Hub:

  mkdir -p /etc/containerd/certs.d/docker.io
  cat > /etc/containerd/certs.d/docker.io/hosts.toml <<'END'
  server = "https://registry-1.docker.io"

  [host."http://${origin}"]
    capabilities = ["pull", "resolve"]
  END
  ctr image pull --hosts-dir /etc/containerd/certs.d docker.io/library/alpine:latest
`;

await main(start);
