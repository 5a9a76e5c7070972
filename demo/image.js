// The demo image, made from nothing: for each platform a static program of a few instructions that greets, in one layer.

const greeting = new TextEncoder().encode("Hello! This image came through pierhead, out of its demo registry.\n");

const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

/** The index, and everything it leads to as a map from digest to `{ mediaType, bytes }`. */
export async function makeImage() {
  const content = new Map();
  const add = async (mediaType, bytes) => {
    const digest = await sha256(bytes);
    content.set(digest, { mediaType, bytes });
    return { mediaType, digest, size: bytes.length };
  };
  const addJson = (mediaType, value) => add(mediaType, new TextEncoder().encode(JSON.stringify(value)));

  const manifests = [];
  for (const [architecture, machine] of Object.entries(machines)) {
    const platform = { architecture, os: "linux" };
    const layer = tar("hello", program(machine));
    const config = {
      ...platform,
      created: "2026-01-01T00:00:00Z",
      config: { Entrypoint: ["/hello"] },
      rootfs: { type: "layers", diff_ids: [await sha256(layer)] },
    };
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: await addJson(mediaTypes.config, config),
      layers: [await add(mediaTypes.layer, await gzip(layer))],
    };
    manifests.push({ ...(await addJson(mediaTypes.manifest, manifest)), platform });
  }
  const index = await addJson(mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests });
  return { index, content };
}

// write(1, greeting, length); exit(0). The greeting follows right behind the code.
const machines = {
  amd64: {
    elf: 62,
    code: [
      ...[0xb8, ...u32(1)], // mov eax, 1 (write)
      ...[0xbf, ...u32(1)], // mov edi, 1
      ...[0x48, 0x8d, 0x35, ...u32(16)], // lea rsi, [rip + 16]
      ...[0xba, ...u32(greeting.length)], // mov edx, length
      ...[0x0f, 0x05], // syscall
      ...[0xb8, ...u32(60)], // mov eax, 60 (exit)
      ...[0x31, 0xff], // xor edi, edi
      ...[0x0f, 0x05], // syscall
    ],
  },
  arm64: {
    elf: 183,
    code: [
      0xd2800808, // mov x8, 64 (write)
      0xd2800020, // mov x0, 1
      0x100000c1, // adr x1, pc + 24
      0xd2800002 | (greeting.length << 5), // mov x2, length
      0xd4000001, // svc 0
      0xd2800ba8, // mov x8, 93 (exit)
      0xd2800000, // mov x0, 0
      0xd4000001, // svc 0
    ].flatMap(u32),
  },
};

/** A static ELF program of one segment: headers, code and greeting, loaded as they are. */
function program({ elf, code }) {
  const address = 0x400000;
  const headers = 64 + 56;
  const size = headers + code.length + greeting.length;
  const header = [
    ...[0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, ...u64(0)], // magic, 64 bits, little endian
    ...[...u16(2), ...u16(elf), ...u32(1)], // an executable, the machine
    ...[...u64(address + headers), ...u64(64), ...u64(0)], // entry, program headers, no sections
    ...[...u32(0), ...u16(64), ...u16(56), ...u16(1), ...u16(64), ...u16(0), ...u16(0)],
  ];
  const segment = [
    ...[...u32(1), ...u32(5)], // load; read and execute
    ...[...u64(0), ...u64(address), ...u64(address), ...u64(size), ...u64(size), ...u64(0x1000)],
  ];
  return Uint8Array.from([...header, ...segment, ...code, ...greeting]);
}

/** A tar archive of one executable file. */
function tar(name, bytes) {
  const header = new Uint8Array(512);
  const put = (offset, text) => header.set(new TextEncoder().encode(text), offset);
  const octal = (number, width) => number.toString(8).padStart(width, "0");
  put(0, name);
  put(100, `${octal(0o755, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`); // mode, owner, group
  put(124, `${octal(bytes.length, 11)}\0${octal(0, 11)}\0`); // size, time
  put(148, "        0"); // the checksum counts as spaces; a regular file
  put(257, "ustar\0" + "00");
  put(148, `${octal(header.reduce((sum, byte) => sum + byte), 6)}\0 `);

  const archive = new Uint8Array(512 + Math.ceil(bytes.length / 512) * 512 + 1024);
  archive.set(header);
  archive.set(bytes, 512);
  return archive;
}

async function gzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function sha256(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha256:${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function u16(number) {
  return [number & 0xff, (number >> 8) & 0xff];
}

function u32(number) {
  return [...u16(number), ...u16(number >>> 16)];
}

function u64(number) {
  return [...u32(number), ...u32(0)];
}
