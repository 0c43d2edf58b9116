import { fork } from "node:child_process";
import type { Readable } from "node:stream";
import type { BenchPlane, OpenOperation, OperationWorkload } from "./harness/plane.ts";

const text = "hello, king!";
const largeBytes = 268_435_456;
const atOnce = 16;
const requestsOfWindow = 10_000;
const post = Buffer.alloc(1_024, "king");

/** One way to make a request, and to be done with it. */
interface Asking {
  ask(): Promise<void>;
  close(): Promise<void>;
}

/** Requests of a server in a process of its own, `atOnce` of them under way. */
function asking(
  protocol: "h1" | "h2",
  open: (origin: string) => Promise<Asking>,
  size: { operations: number; atOnce: number } = { operations: requestsOfWindow, atOnce },
): OperationWorkload {
  return {
    kind: "operation",
    operations: size.operations,
    async open(): Promise<OpenOperation> {
      const script = new URL("client/server-process.ts", import.meta.url);
      const child = fork(script, [protocol], { execArgv: [] });
      const { port } = await new Promise<{ port: number }>((resolve, reject) => {
        child.once("message", (message) => resolve(message as { port: number }));
        child.once("exit", () => reject(new Error("the server ended")));
      });
      const { ask, close } = await open(`http://127.0.0.1:${port}`);
      return {
        async run(count) {
          let left = count;
          const worker = async () => {
            while (left-- > 0) await ask();
          };
          await Promise.all(Array.from({ length: size.atOnce }, worker));
        },
        async close() {
          await close();
          child.disconnect();
        },
      };
    },
  };
}

function check(actual: number | string, expected: number | string): void {
  if (actual !== expected) throw new Error(`expected ${expected}, got ${actual}`);
}

const ours = (protocol: "h1" | "h2", options: object = {}) =>
  asking(protocol, async (origin) => {
    const { createHttpClient } = await import("@king-runtime/transport");
    const protocols = [protocol];
    const client = createHttpClient({ protocols, maxSessionsPerOrigin: atOnce, ...options });
    return {
      ask: async () => check(await (await client.request(`${origin}/`)).text(), text),
      close: () => client.close(),
    };
  });

const undiciRequest = asking("h1", async (origin) => {
  const { Agent, request } = await import("undici");
  const dispatcher = new Agent({ connections: atOnce });
  return {
    async ask() {
      const { body } = await request(`${origin}/`, { dispatcher });
      check(await body.text(), text);
    },
    close: () => dispatcher.close(),
  };
});

const globalFetch = asking("h1", async (origin) => ({
  ask: async () => check(await (await fetch(`${origin}/`)).text(), text),
  close: async () => undefined,
}));

const oursPost = asking("h1", async (origin) => {
  const { createHttpClient } = await import("@king-runtime/transport");
  const client = createHttpClient({ maxSessionsPerOrigin: atOnce });
  const options = { method: "POST", headers: { "content-type": "text/plain" }, body: post };
  return {
    ask: async () => check(await (await client.request(`${origin}/`, options)).text(), text),
    close: () => client.close(),
  };
});

const undiciPost = asking("h1", async (origin) => {
  const { Agent, request } = await import("undici");
  const dispatcher = new Agent({ connections: atOnce });
  const headers = { "content-type": "text/plain" };
  return {
    async ask() {
      const { body } = await request(`${origin}/`, {
        dispatcher,
        method: "POST",
        headers,
        body: post,
      });
      check(await body.text(), text);
    },
    close: () => dispatcher.close(),
  };
});

const undiciHttp2 = asking("h2", async (origin) => {
  const { Client } = await import("undici");
  const client = new Client(origin, {
    allowH2: true,
    h2Options: { useH2c: true },
    pipelining: 100,
  });
  return {
    async ask() {
      const { body } = await client.request({ path: "/", method: "GET" });
      check(await body.text(), text);
    },
    close: () => client.close(),
  };
});

const nodeHttp2 = asking("h2", async (origin) => {
  const { connect } = await import("node:http2");
  const session = connect(origin);
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":path": "/" });
        let received = "";
        stream.setEncoding("utf8");
        stream.on("data", (chunk) => {
          received += chunk;
        });
        stream.on("end", () => {
          check(received, text);
          resolve();
        });
        stream.on("error", reject);
      }),
    close: async () => session.close(),
  };
});

const one = { operations: 2, atOnce: 1 };
const part = Buffer.alloc(65_536, "king");

async function* parts(): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < largeBytes; sent += part.length) yield part;
}

const large = {
  received: {
    ours: asking(
      "h1",
      async (origin) => {
        const { createHttpClient } = await import("@king-runtime/transport");
        const client = createHttpClient({ maxBodyBytes: Number.POSITIVE_INFINITY });
        return {
          async ask() {
            let length = 0;
            for await (const chunk of await client.request(`${origin}/large`)) {
              length += chunk.length;
            }
            check(length, largeBytes);
          },
          close: () => client.close(),
        };
      },
      one,
    ),
    peer: asking(
      "h1",
      async (origin) => {
        const { Agent, request } = await import("undici");
        const dispatcher = new Agent();
        return {
          async ask() {
            let length = 0;
            const { body } = await request(`${origin}/large`, { dispatcher });
            for await (const chunk of body) length += (chunk as Buffer).length;
            check(length, largeBytes);
          },
          close: () => dispatcher.close(),
        };
      },
      one,
    ),
  },
  sent: {
    ours: asking(
      "h1",
      async (origin) => {
        const { createHttpClient } = await import("@king-runtime/transport");
        const client = createHttpClient();
        return {
          async ask() {
            const response = await client.request(`${origin}/large`, {
              method: "POST",
              body: parts(),
            });
            check(await response.text(), text);
          },
          close: () => client.close(),
        };
      },
      one,
    ),
    peer: asking(
      "h1",
      async (origin) => {
        const { Agent, request } = await import("undici");
        const dispatcher = new Agent();
        return {
          async ask() {
            const { body } = await request(`${origin}/large`, {
              dispatcher,
              method: "POST",
              // Its types know of streams alone, its documentation of iterators too.
              body: parts() as unknown as Readable,
            });
            check(await body.text(), text);
          },
          close: () => dispatcher.close(),
        };
      },
      one,
    ),
  },
};

export const plane: BenchPlane = {
  name: "client",
  rows: [
    {
      name: "small GET",
      operation: "request",
      peerName: "undici.request 8, an Agent",
      goal: "<= 1.15",
      ours: ours("h1"),
      peer: undiciRequest,
    },
    {
      name: "small GET",
      operation: "request",
      peerName: "global fetch",
      goal: "<= 0.50",
      ours: ours("h1"),
      peer: globalFetch,
    },
    {
      name: "small GET, with every policy on",
      operation: "request",
      peerName: "the same client without",
      ours: ours("h1", {
        redirects: 5,
        retry: true,
        hedge: { delayMs: 10_000 },
        circuitBreaker: true,
      }),
      peer: ours("h1"),
    },
    {
      name: "POST of 1 KB",
      operation: "request",
      peerName: "undici.request 8, an Agent",
      goal: "<= 1.15",
      ours: oursPost,
      peer: undiciPost,
    },
    {
      name: "small GET over cleartext HTTP/2",
      operation: "request",
      peerName: "undici Client 8 with useH2c",
      goal: "<= 1.15",
      ours: ours("h2"),
      peer: undiciHttp2,
    },
    {
      name: "small GET over cleartext HTTP/2",
      operation: "request",
      peerName: "node:http2 core API",
      ours: ours("h2"),
      peer: nodeHttp2,
    },
    {
      name: "256 MiB received",
      operation: "response",
      peerName: "undici.request 8 and an iterator",
      goal: "<= 1.10",
      ...large.received,
    },
    {
      name: "256 MiB sent",
      operation: "request",
      peerName: "undici.request 8 of an iterator",
      goal: "<= 1.10",
      ...large.sent,
    },
  ],
};
