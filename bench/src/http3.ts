import { type ChildProcess, fork } from "node:child_process";
import type { BenchPlane, OpenOperation, OperationWorkload } from "./harness/plane.ts";

const text = "hello, king!";
const largeBytes = 16_777_216;
const part = Buffer.alloc(65_536, "king");

interface Certified {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A server in this process, loaded by the engine's own client in another. */
function serving(
  path: string,
  expectBytes: number,
  operations: number,
  start: (certified: Certified) => Promise<{ port: number; close(): Promise<void> }>,
): OperationWorkload {
  return {
    kind: "operation",
    operations,
    async open(): Promise<OpenOperation> {
      const { mkdtemp, rm, writeFile } = await import("node:fs/promises");
      const { tmpdir } = await import("node:os");
      const { join } = await import("node:path");
      const { makeCertificates } = await import("@king-runtime/testkit");
      const { ca, leaf } = await makeCertificates();
      const folder = await mkdtemp(join(tmpdir(), "king-bench-"));
      const file = join(folder, "ca.pem");
      await writeFile(file, ca);
      const server = await start({ ca, ...leaf });
      const script = new URL("http3/load-process.ts", import.meta.url);
      const child = fork(script, [String(server.port), file], { execArgv: [] });
      await answer(child);
      return {
        async run(count) {
          child.send({ count, path, expectBytes });
          await answer(child);
        },
        async close() {
          child.disconnect();
          await server.close();
          await rm(folder, { recursive: true });
        },
      };
    },
  };
}

async function answer(child: ChildProcess): Promise<void> {
  const message = await new Promise<{ type: string; message?: string }>((resolve, reject) => {
    child.once("message", (each) => resolve(each as { type: string }));
    child.once("exit", () => reject(new Error("the load client ended")));
  });
  if (message.type === "failed") throw new Error(message.message);
}

const ours = (engine: "currentspace" | "matrix") => async (certified: Certified) => {
  const { listenHttp } = await import("@king-runtime/transport");
  const { openCurrentSpaceEngine, openMatrixEngine } = await import("@king-runtime/quic");
  const open = engine === "currentspace" ? openCurrentSpaceEngine : openMatrixEngine;
  const { cert, key } = certified;
  const listener = await listenHttp({
    tls: { cert, key },
    quic: { engine: await open() },
    async handler(exchange) {
      if (exchange.path === "/") {
        return exchange.respond(200, { "content-type": "text/plain" }, text);
      }
      exchange.respond(200, { "content-length": String(largeBytes) });
      for (let sent = 0; sent < largeBytes; sent += part.length) await exchange.write(part);
      await exchange.end();
    },
  });
  return { port: listener.local.port, close: () => listener.close({ deadlineMs: 1_000 }) };
};

const engineOwn = async ({ cert, key }: Certified) => {
  const { createSecureServer } = await import("@currentspace/http3");
  const server = createSecureServer({ cert, key, runtimeMode: "portable" }, (stream, headers) => {
    if (headers[":path"] === "/") {
      stream.respond({
        ":status": "200",
        "content-type": "text/plain",
        "content-length": String(text.length),
      });
      stream.end(text);
      return;
    }
    stream.respond({ ":status": "200", "content-length": String(largeBytes) });
    let sent = 0;
    const send = () => {
      while (sent < largeBytes) {
        sent += part.length;
        if (!stream.write(part)) {
          stream.once("drain", send);
          return;
        }
      }
      stream.end();
    };
    send();
  });
  // It takes the same port of TCP for HTTP/2.
  const { freePorts } = await import("@king-runtime/testkit");
  const [port = 0] = await freePorts(1);
  await new Promise<void>((resolve, reject) => {
    server.once("listening", () => resolve());
    server.once("error", reject);
    server.listen(port, "127.0.0.1");
  });
  return { port, close: async () => void (await server.close()) };
};

const own = "@currentspace/http3, its own HTTP/3";

export const plane: BenchPlane = {
  name: "http3",
  rows: [
    {
      name: "small GET over HTTP/3, currentspace",
      operation: "request",
      peerName: own,
      goal: "<= 0.90",
      ours: serving("/", text.length, 3_000, ours("currentspace")),
      peer: serving("/", text.length, 3_000, engineOwn),
    },
    {
      name: "16 MiB sent over HTTP/3, currentspace",
      operation: "response",
      peerName: own,
      goal: "<= 1.00",
      ours: serving("/large", largeBytes, 5, ours("currentspace")),
      peer: serving("/large", largeBytes, 5, engineOwn),
    },
    {
      name: "small GET over HTTP/3, matrix",
      operation: "request",
      peerName: own,
      ours: serving("/", text.length, 3_000, ours("matrix")),
      peer: serving("/", text.length, 3_000, engineOwn),
    },
  ],
};
