import { once } from "node:events";
import { connectRaw, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromFetch, type HttpListener, listenHttp } from "../../src/index.ts";
import { type ContentCoding, compress } from "../../src/middleware/index.ts";
import { connectHttp2 } from "../exchange-harness.ts";

type Leave = () => void;

const clients: [string, (listener: HttpListener, answered: boolean) => Promise<Leave>][] = [
  [
    "HTTP/1.1",
    async (listener, answered) => {
      const socket = await connectRaw({ port: listener.local.port });
      await socket.write("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd, br, gzip\r\n\r\n");
      if (answered) await socket.readUntil("\r\n\r\n");
      return () => socket.reset();
    },
  ],
  [
    "HTTP/2",
    async (listener, answered) => {
      const session = connectHttp2(listener);
      const stream = session.request({ ":path": "/", "accept-encoding": "zstd, br, gzip" });
      stream.on("error", () => undefined);
      if (answered) await once(stream, "response");
      return () => {
        stream.close(8);
        session.close();
      };
    },
  ],
];
const codings: (ContentCoding | undefined)[] = [undefined, "zstd", "br", "gzip"];

describe.each(clients)("over %s", (_, ask) => {
  describe.each(codings)("with coding %s", (coding) => {
    test.each([
      ["after its first chunk", true],
      ["before its first chunk", false],
    ])(
      "a body that says nothing more is cancelled when its client leaves %s",
      async (_, begins) => {
        const asked = Promise.withResolvers<void>();
        const cancelled = Promise.withResolvers<void>();
        const bare = () => {
          const body = new ReadableStream({
            start(controller) {
              if (begins) controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
              asked.resolve();
            },
            cancel: () => cancelled.resolve(),
          });
          return new Response(body, { headers: { "content-type": "text/event-stream" } });
        };
        const handler = coding === undefined ? bare : compress({ codings: [coding] })(bare);
        await using listener = await listenHttp({
          handler: fromFetch(handler),
          onHandlerError: () => undefined,
        });
        const leave = await ask(listener, begins);
        await asked.promise;
        leave();
        await withDeadline(cancelled.promise, "the cancellation");
        listener.abort();
      },
    );
  });
});

test("a body is not cancelled at the end of a whole response", async () => {
  let cancelled = false;
  await using listener = await listenHttp({
    handler: fromFetch(() => {
      const parts = ["a", "b", "c"];
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
          const part = parts.shift();
          if (part === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(part));
        },
        cancel() {
          cancelled = true;
        },
      });
      return new Response(body);
    }),
  });
  const response = await fetch(`http://127.0.0.1:${listener.local.port}`);
  expect([await response.text(), cancelled]).toEqual(["abc", false]);
  listener.abort();
});

test.each([
  ["at once", 0],
  ["later", 1],
])(
  "a body that hands out text %s is a TypeError, as the Fetch standard has it",
  async (_, from) => {
    for (const coded of [false, true]) {
      const told = Promise.withResolvers<unknown>();
      const bare = () => {
        const chunks: unknown[] = [new Uint8Array([97]), "text"].slice(1 - from);
        const body = new ReadableStream({
          pull(controller) {
            controller.enqueue(chunks.shift());
          },
        });
        return new Response(body, { headers: { "content-type": "text/plain" } });
      };
      await using listener = await listenHttp({
        handler: fromFetch(coded ? compress({ minBytes: 0 })(bare) : bare),
        onHandlerError: (error) => told.resolve(error),
      });
      const url = `http://127.0.0.1:${listener.local.port}`;
      const answer = fetch(url).then((response) => {
        if (from === 0) expect(response.status).toBe(500);
        return response.ok ? response.text() : Promise.reject(new Error("refused"));
      });
      await expect(answer).rejects.toThrow();
      expect(await withDeadline(told.promise, "the error")).toBeInstanceOf(TypeError);
      listener.abort();
    }
  },
);
