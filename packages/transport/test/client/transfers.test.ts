import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { stalled, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { request } from "../../src/index.ts";
import { carriers, onCarrier, type Serve, sendsTrailers } from "./carriers.ts";
import { rawServer } from "./counting-server.ts";

describe.each(carriers)("$name", (carrier) => {
  test("sends and receives 16 MiB at once, unharmed", async () => {
    const bytes = randomBytes(16_777_216);
    const sum = createHash("sha256").update(bytes).digest("hex");
    const pipe: Serve = (incoming, outgoing) => {
      outgoing.writeHead(200, { "x-length": incoming.headers["content-length"] ?? "none" });
      incoming.pipe(outgoing);
    };
    await onCarrier(carrier, pipe, async ({ ask }) => {
      const response = await ask("/", { method: "POST", body: bytes });
      const back = createHash("sha256");
      for await (const chunk of response) back.update(chunk);
      expect(back.digest("hex")).toBe(sum);
      expect(response.headers.get("x-length")).toBe(sendsTrailers(carrier) ? "none" : "16777216");
    });
  });

  test("asks the source for no more than a server that does not read lets it", async () => {
    const arrived: IncomingMessage[] = [];
    const serve: Serve = (incoming, outgoing) => {
      arrived.push(incoming);
      incoming.once("end", () => outgoing.end("read"));
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const chunk = Buffer.alloc(65_536);
      const count = 640;
      let asked = 0;
      async function* source() {
        while (asked++ < count) yield chunk;
      }
      const answered = ask("/", { method: "POST", body: source() });
      await expect.poll(() => arrived.length).toBe(1);
      await stalled(() => asked);
      expect(asked).toBeGreaterThan(0);
      expect(asked).toBeLessThan(count / 2);
      arrived[0]?.resume();
      expect(await (await answered).text()).toBe("read");
      expect(asked).toBe(count + 1);
    });
  });

  test("has a server wait for a reader that does not read", async () => {
    const chunk = Buffer.alloc(65_536);
    const count = 640;
    let sent = 0;
    const serve: Serve = async (_, outgoing) => {
      outgoing.writeHead(200);
      for (; sent < count; sent++) if (!outgoing.write(chunk)) await once(outgoing, "drain");
      outgoing.end();
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const response = await ask("/", { maxBodyBytes: Number.POSITIVE_INFINITY });
      await stalled(() => sent);
      expect(sent).toBeLessThan(count / 2);
      expect((await response.bytes()).length).toBe(count * chunk.length);
    });
  });

  test("stops sending when the server refuses before it has all, and the answer can be read", async () => {
    const serve: Serve = (incoming, outgoing) => {
      if (incoming.url === "/next") return void outgoing.end("next");
      incoming.once("data", () => {
        outgoing.writeHead(413).end("too large");
        incoming.resume();
      });
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const returned = Promise.withResolvers<void>();
      async function* endless() {
        try {
          for (;;) {
            yield Buffer.alloc(10_000);
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          returned.resolve();
        }
      }
      const response = await ask("/", { method: "POST", body: endless() });
      expect([response.status, await response.text()]).toEqual([413, "too large"]);
      await withDeadline(returned.promise, "the end of the source", { deadlineMs: 3_000 });
      expect(await (await ask("/next")).text()).toBe("next");
    });
  });
});

test("a server that answers 413 and ends its connection while bytes are on their way is heard", async () => {
  await using server = await rawServer((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig");
      socket.resume();
      socket.once("close", () => undefined);
    });
  });
  const response = await request(server.url, { method: "POST", body: new Uint8Array(8_000_000) });
  expect([response.status, await response.text()]).toEqual([413, "big"]);
  await expect.poll(() => server.sockets.size).toBe(0);
});
