import type { AddressInfo } from "node:net";
import type { BenchPlane, HttpLoad, RunningServer, ServerWorkload } from "./harness/plane.ts";

const text = "hello, king!";
const small: Omit<HttpLoad, "protocol"> = { expectBodyBytes: text.length };
const h1: HttpLoad = { ...small, protocol: "h1" };
const h2: HttpLoad = { ...small, protocol: "h2", connections: 4 };

const oursStream = (load: HttpLoad): ServerWorkload => ({
  kind: "server",
  load,
  async start() {
    const { listenHttp } = await import("@king-runtime/transport");
    const listener = await listenHttp({
      handler: (exchange) => exchange.respond(200, { "content-type": "text/plain" }, text),
    });
    return { port: listener.local.port, close: () => listener.close({ deadlineMs: 1_000 }) };
  },
});

const oursFetch: ServerWorkload = {
  kind: "server",
  load: h1,
  async start() {
    const { fromFetch, listenHttp } = await import("@king-runtime/transport");
    const listener = await listenHttp({
      handler: fromFetch(() => new Response(text, { headers: { "content-type": "text/plain" } }), {
        lazyRequest: true,
      }),
    });
    return { port: listener.local.port, close: () => listener.close({ deadlineMs: 1_000 }) };
  },
};

const oursReply: ServerWorkload = {
  kind: "server",
  load: h1,
  async start() {
    const { fromFetch, listenHttp, reply } = await import("@king-runtime/transport");
    const headers = { "content-type": "text/plain" };
    const listener = await listenHttp({
      handler: fromFetch(() => reply(text, { headers }), { lazyRequest: true }),
    });
    return { port: listener.local.port, close: () => listener.close({ deadlineMs: 1_000 }) };
  },
};

const hono: ServerWorkload = {
  kind: "server",
  load: h1,
  async start() {
    const { serve } = await import("@hono/node-server");
    const fetch = () => new Response(text, { headers: { "content-type": "text/plain" } });
    return new Promise((resolve) => {
      const options = { fetch, port: 0, hostname: "127.0.0.1", overrideGlobalObjects: false };
      const server = serve(options, ({ port }) => {
        const cut = () => "closeAllConnections" in server && server.closeAllConnections();
        resolve(running({ address: "127.0.0.1", family: "IPv4", port }, cut, server));
      });
    });
  },
};

const largeBytes = 268_435_456;
const download: HttpLoad = {
  protocol: "h1",
  connections: 1,
  requests: 2,
  warmUpRequests: 1,
  expectBodyBytes: largeBytes,
};
const upload: HttpLoad = {
  ...download,
  method: "POST",
  bodyBytes: largeBytes,
  expectBodyBytes: text.length,
};
const part = Buffer.alloc(65_536, "king");

const oursLarge = (load: HttpLoad): ServerWorkload => ({
  kind: "server",
  load,
  async start() {
    const { listenHttp } = await import("@king-runtime/transport");
    const listener = await listenHttp({
      maxBodyBytes: largeBytes,
      async handler(exchange) {
        if (exchange.method === "POST") {
          let bytes = 0;
          for await (const chunk of exchange) bytes += chunk.length;
          if (bytes !== largeBytes) throw new Error(`received ${bytes}`);
          return exchange.respond(200, {}, text);
        }
        exchange.respond(200, { "content-length": String(largeBytes) });
        for (let sent = 0; sent < largeBytes; sent += part.length) await exchange.write(part);
        await exchange.end();
      },
    });
    return { port: listener.local.port, close: () => listener.close({ deadlineMs: 1_000 }) };
  },
});

/**
 * Plain streams, as node's documentation has them: an async iterator in, a pipeline out. Chunks make V8
 * collect garbage by their bytes, and what that costs goes by the objects of the whole process: with
 * `isSameSize` it has ours loaded too, as an application would have something.
 */
const nodeLarge = (load: HttpLoad, isSameSize: boolean): ServerWorkload => ({
  kind: "server",
  load,
  async start() {
    if (isSameSize) await import("@king-runtime/transport");
    const { createServer } = await import("node:http");
    const { Readable } = await import("node:stream");
    const { pipeline } = await import("node:stream/promises");
    const server = createServer(async (request, response) => {
      if (request.method === "POST") {
        let bytes = 0;
        for await (const chunk of request) bytes += chunk.length;
        if (bytes !== largeBytes) throw new Error(`received ${bytes}`);
        response.writeHead(200, { "content-length": text.length });
        return void response.end(text);
      }
      response.writeHead(200, { "content-length": largeBytes });
      let sent = 0;
      const source = new Readable({
        highWaterMark: 65_536,
        read() {
          sent += part.length;
          this.push(sent > largeBytes ? null : part);
        },
      });
      await pipeline(source, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return running(server.address() as AddressInfo, () => server.closeAllConnections(), server);
  },
});

const nodeHttp: ServerWorkload = {
  kind: "server",
  load: h1,
  async start() {
    const { createServer } = await import("node:http");
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "text/plain", "content-length": text.length });
      response.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return running(server.address() as AddressInfo, () => server.closeAllConnections(), server);
  },
};

const nodeHttp2: ServerWorkload = {
  kind: "server",
  load: h2,
  async start() {
    const { createServer } = await import("node:http2");
    const server = createServer();
    server.on("stream", (stream) => {
      stream.respond({
        ":status": 200,
        "content-type": "text/plain",
        "content-length": text.length,
      });
      stream.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return running(server.address() as AddressInfo, () => {}, server);
  },
};

const fastifyServer: ServerWorkload = {
  kind: "server",
  load: h1,
  async start() {
    const { fastify } = await import("fastify");
    const app = fastify();
    app.get("/", (_request, reply) => {
      reply.type("text/plain").send(text);
    });
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as AddressInfo;
    return {
      port,
      async close() {
        app.server.closeAllConnections();
        await app.close();
      },
    };
  },
};

function running(
  { port }: AddressInfo,
  cut: () => unknown,
  server: { close(done: () => void): unknown },
): RunningServer {
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

export const plane: BenchPlane = {
  name: "transport",
  rows: [
    {
      name: "small GET, stream form",
      operation: "request",
      peerName: "node:http",
      goal: "<= 1.10",
      ours: oursStream(h1),
      peer: nodeHttp,
    },
    {
      name: "small GET, stream form",
      operation: "request",
      peerName: "fastify 5",
      goal: "<= 1.00",
      ours: oursStream(h1),
      peer: fastifyServer,
    },
    {
      name: "small GET, Fetch form, lazy request, reply()",
      operation: "request",
      peerName: "node:http",
      goal: "<= 1.20",
      ours: oursReply,
      peer: nodeHttp,
    },
    {
      name: "small GET, Fetch form, lazy request, new Response()",
      operation: "request",
      peerName: "@hono/node-server 2, overrideGlobalObjects: false",
      goal: "<= 1.05",
      ours: oursFetch,
      peer: hono,
    },
    {
      name: "small GET over cleartext HTTP/2, stream form",
      operation: "request",
      peerName: "node:http2 core API",
      goal: "<= 1.10",
      ours: oursStream(h2),
      peer: nodeHttp2,
    },
    {
      name: "256 MiB sent",
      operation: "response",
      peerName: "node:http and a pipeline",
      goal: "<= 1.10",
      ours: oursLarge(download),
      peer: nodeLarge(download, false),
    },
    {
      name: "256 MiB received",
      operation: "request",
      peerName: "node:http and an iterator",
      goal: "<= 1.10",
      ours: oursLarge(upload),
      peer: nodeLarge(upload, false),
    },
    {
      name: "256 MiB received",
      operation: "request",
      peerName: "the same, in a process with as many modules",
      goal: "<= 1.10",
      ours: oursLarge(upload),
      peer: nodeLarge(upload, true),
    },
  ],
};
