// The server that clients are measured against: `server-process.ts <h1|h2>`, tells its port over IPC.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { finished, Readable, type Writable } from "node:stream";

const [protocol] = process.argv.slice(2);
const largeBytes = 268_435_456;
const small = Buffer.from("hello, king!");
const part = Buffer.alloc(65_536, "king");

function sendLarge(output: Writable): void {
  let sent = 0;
  const source = new Readable({
    highWaterMark: part.length,
    read() {
      sent += part.length;
      this.push(sent > largeBytes ? null : part);
    },
  });
  source.pipe(output);
}

function onRequest(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === "/large" && request.method === "GET") {
    response.writeHead(200, { "content-length": largeBytes });
    sendLarge(response);
    return;
  }
  request.resume();
  finished(request, () => {
    response.writeHead(200, { "content-type": "text/plain", "content-length": small.length });
    response.end(small);
  });
}

function onStream(stream: ServerHttp2Stream): void {
  stream.on("error", () => undefined);
  stream.respond({ ":status": 200, "content-type": "text/plain", "content-length": small.length });
  stream.end(small);
}

let server: Server;
if (protocol === "h2") {
  server = createHttp2Server({ settings: { maxConcurrentStreams: 200 } });
  server.on("stream", onStream);
} else {
  server = createServer({ keepAliveTimeout: 60_000 }, onRequest);
}
server.listen(0, "127.0.0.1", () =>
  process.send?.({ type: "started", port: (server.address() as AddressInfo).port }),
);
process.on("disconnect", () => process.exit());
