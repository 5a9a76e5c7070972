// What the kubelet says to a container runtime (CRI): pull this image, perhaps with a secret. gRPC over a unix socket, by hand: there is no
// crictl in Debian. Prints the image's ID.
//
//   node kubelet.mjs SOCKET IMAGE [USER PASSWORD]

import http2 from "node:http2";
import net from "node:net";

const [socket, image, user, password] = process.argv.slice(2);

/** A field of a protobuf message with fewer than 128 bytes, or of a string. */
const field = (number, bytes) => Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
const text = (number, string) => field(number, Buffer.from(string));

const auth = user ? [field(2, Buffer.concat([text(1, user), text(2, password)]))] : [];
const message = Buffer.concat([field(1, text(1, image)), ...auth]);
const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);

const session = http2.connect("http://localhost", { createConnection: () => net.connect(socket) });
const call = session.request({
  ":method": "POST",
  ":path": "/runtime.v1.ImageService/PullImage",
  "content-type": "application/grpc",
  te: "trailers",
});
const answer = [];
let trailers = {};
// Without an answer, the trailers are the headers.
for (const event of ["response", "trailers"]) call.on(event, (headers) => (trailers = { ...trailers, ...headers }));
call.on("data", (chunk) => answer.push(chunk));
call.on("end", () => {
  session.close();
  if (trailers["grpc-status"] === "0") return console.log(Buffer.concat(answer).subarray(7).toString());
  console.error(decodeURIComponent(trailers["grpc-message"]));
  process.exitCode = 1;
});
call.end(frame);
