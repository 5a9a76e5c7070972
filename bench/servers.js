// The servers one would set up in a Worker's place, as far as they are installed: nginx as a pass-through, and Debian's
// docker-registry as a pull-through cache.

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { answer, start } from "../scripts/shell.mjs";

const installed = (program) => answer("sh", ["-c", `PATH="$PATH:/usr/sbin" command -v ${program}`]);

/** nginx, which sends everything on and keeps nothing but its connections. */
export async function nginx(folder, hub) {
  const program = installed("nginx");
  if (!program) return undefined;
  const [port, file] = [await freePort(), join(folder, "nginx.conf")];
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  writeFileSync(file, `
daemon off;
worker_processes 1;
pid ${join(folder, "nginx.pid")};
events {}
http {
  access_log off;
  ${temporary.map((kind) => `${kind}_temp_path ${join(folder, kind)};`).join("\n  ")}
  upstream hub { server 127.0.0.1:${hub.port}; keepalive 32; }
  map $uri $hub_host { /token auth.docker.io; default registry-1.docker.io; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://hub;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $hub_host;
      # Plain nginx cannot rewrite a realm: the upstream names the one it is told.
      proxy_set_header X-Realm-Base http://$http_host;
      proxy_max_temp_file_size 0;
    }
  }
}
`);
  const server = start(program, ["-e", "stderr", "-c", file], { stdio: ["ignore", "pipe", "pipe"] });
  await listening(server, port);
  return { port, authority: `127.0.0.1:${port}`, pid: server.pid };
}

/** docker-registry, which keeps what it has served in a folder. */
export async function dockerRegistry(folder, hub) {
  const program = installed("docker-registry");
  if (!program) return undefined;
  const [port, file] = [await freePort(), join(folder, "registry.yml")];
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "registry") } },
    http: { addr: `127.0.0.1:${port}`, secret: "of no use to anyone" },
    proxy: { remoteurl: `http://127.0.0.1:${hub.port}` },
  }));
  const server = start(program, ["serve", file], { stdio: ["ignore", "pipe", "pipe"] });
  await listening(server, port);
  return { port, authority: `127.0.0.1:${port}`, pid: server.pid };
}

/** These programs do not tell the port they got: one that was free a moment ago. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function listening(child, port) {
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(chunk));
  for (const until = Date.now() + 10_000; Date.now() < until && child.exitCode === null; await pause(20)) {
    if (await accepts(port)) return;
  }
  throw Object.assign(new Error(`${child.spawnfile} does not listen`), { output: Buffer.concat(output).toString() });
}

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
