// The other side of edge/bridge.rs: a message crosses in one call, its headers as lines of text. Each call between wasm and
// JavaScript has its price, and so has each text.

// wasm's futures are woken by `queueMicrotask`, some times a request; the runtime's own is a call into C++ and back, 70 µs a
// request in a profile. A promise's reaction is the same to the language. What a task throws goes to the runtime's own, which
// reports it: worker-build's shim starts a new instance after a panic.
const report = globalThis.queueMicrotask;
const settled = Promise.resolve();
globalThis.queueMicrotask = (task) => {
  settled.then(task).catch((error) =>
    report(() => {
      throw error;
    }),
  );
};

/** Those headers of a list that are there, by their place in it. A value holds no line end: HTTP has none within a header. */
const lines = (headers, names) => {
  let text = "";
  for (let place = 0; place < names.length; place++) {
    const value = headers.get(names[place]);
    if (value !== null) text += `${place}:${value}\n`;
  }
  return text;
};

/** Headers from their lines; a name stands there once. */
const record = (text) => {
  const headers = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon)] = line.slice(colon + 1);
  }
  return headers;
};

/** A client's request: its method and URL, and below them those headers of a list that are there. */
export const received = (request, names) => `${request.method} ${request.url}\n${lines(request.headers, names)}`;

/** Has a function called when the client hangs up, or none any more (compatibility flag `enable_request_signal`). */
export const whenGone = ({ signal }, call) => {
  if (signal) signal.onabort = call;
};

/** An upstream's answer: its status, and below it those headers of a list that are there. */
export const answered = (response, names) => `${response.status}\n${lines(response.headers, names)}`;

/** Sends a request and waits for its answer's headers; the answer is null where they take too long. */
export const send = async (method, url, headers, body, milliseconds) =>
  Promise.race([
    fetch(url, { method, headers: record(headers), body, redirect: "manual" }),
    // Not `AbortSignal.timeout`: it goes on ticking and cuts the body of a blob, once `waitUntil` keeps the request alive. This
    // one ticks on too, and does nothing. A request that comes too late is dropped with the client's.
    new Promise((resolve) => setTimeout(resolve, milliseconds, null)),
  ]);

/** The answer to the client. */
export const respond = (status, headers, body) => new Response(body, { status, headers: record(headers) });

/** Whether a limiter lets somebody's request through. */
export const admits = async (limiter, key) => (await limiter.limit({ key })).success;
