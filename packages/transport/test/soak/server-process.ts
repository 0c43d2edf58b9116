// The server that the soak test loads, in a process of its own. Over IPC: "measure" is answered when idle.
import { createRouter, fromFetch, fromNode, listenHttp, reply } from "../../src/index.ts";
import type { SoakSample } from "./soak-sample.ts";

const [cert = "", key = ""] = process.argv.slice(2);
let faults = 0;

const handler = createRouter({
  "GET /small": (exchange) => exchange.respond(200, { "content-type": "text/plain" }, "small"),
  "POST /echo": async (exchange) => {
    exchange.respond(200);
    for await (const chunk of exchange) await exchange.write(chunk);
    await exchange.end();
  },
  "GET /large": async (exchange) => {
    exchange.respond(200);
    const part = new Uint8Array(65_536);
    for (let i = 0; i < 64; i++) await exchange.write(part);
    await exchange.end();
  },
  "GET /waits": async (exchange) => {
    await new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
  },
  "POST /fetch": fromFetch(async (request) => reply(await request.text())),
  "GET /node": fromNode((_request, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    response.end("node");
  }),
  "GET /throws": () => {
    throw new Error("thrown on purpose");
  },
  "UPGRADE websocket /upgrade": async (exchange) => {
    const stream = exchange.upgrade?.accept();
    if (stream === undefined) return;
    try {
      for await (const chunk of stream) await stream.write(chunk);
      await stream.end();
    } catch {
      faults++;
    }
  },
});

const counted: typeof handler = (exchange) => {
  exchange.closed.then(({ clean }) => {
    if (!clean) faults++;
  });
  return handler(exchange);
};

const limits = { handler: counted, onHandlerError: () => faults++, keepAliveTimeoutMs: 500 };
const clear = await listenHttp(limits);
const secure = await listenHttp({ ...limits, tls: { cert, key } });

function sample(): SoakSample {
  // Twice: what finalizers held is free the second time.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return {
    faults,
    heapBytes: heapUsed + arrayBuffers,
    rssBytes: rss,
    sockets: process.getActiveResourcesInfo().filter((kind) => /Socket|TLS/.test(kind)).length,
    handles: process.getActiveResourcesInfo().length,
    sessions: clear.stats().sessionsActive + secure.stats().sessionsActive,
    exchanges: clear.stats().streamsActive + secure.stats().streamsActive,
  };
}

process.on("message", () => process.send?.(sample()));
process.on("disconnect", () => process.exit());
process.send?.([clear.local.port, secure.local.port]);
