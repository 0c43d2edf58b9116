import type { IncomingMessage } from "node:http";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connectRaw, type RawSocket, recorder, testClock } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromNode } from "../../src/node-handler.ts";
import { openPlace } from "./node-handler-harness.ts";

const announced = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n12345";
const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n";

interface Break {
  readonly begin: string;
  readonly break: (socket: RawSocket, clock: ReturnType<typeof testClock>) => unknown;
  /** What the client still reads. */
  readonly answer: RegExp;
  readonly code: string;
}

const nothing = /^$/;
const breaks: Record<string, Break> = {
  "by an end": {
    begin: announced,
    break: (socket) => socket.halfClose(),
    answer: nothing,
    code: "ECONNRESET",
  },
  "by an end within its chunks": {
    begin: chunked,
    break: (socket) => socket.halfClose(),
    answer: nothing,
    code: "ECONNRESET",
  },
  "by a reset": {
    begin: announced,
    break: (socket) => socket.reset(),
    answer: nothing,
    code: "ECONNRESET",
  },
  "with a chunk that is none": {
    begin: chunked,
    break: (socket) => socket.write("zz\r\n"),
    answer: /^HTTP\/1.1 400 [\s\S]*connection: close/i,
    code: "KING_HTTP_PROTOCOL",
  },
  "by standing still": {
    begin: announced,
    break: (_socket, clock) => clock.advance(2_000),
    answer: /^HTTP\/1.1 408 [\s\S]*connection: close/i,
    code: "KING_HTTP_TIMEOUT",
  },
};

describe.each(Object.entries(breaks))(
  "an upload to a node listener that breaks off %s",
  (_, how) => {
    async function breakOff(
      listen: (request: IncomingMessage, record: (text: string) => void) => unknown,
    ) {
      const clock = testClock();
      const seen = recorder<string>();
      const handler = fromNode((request) => {
        request.once("data", () => seen.record("data"));
        return listen(request, (text) => seen.record(text));
      });
      const place = await openPlace("h1", handler, { clock, requestTimeoutMs: 1_000 });
      const socket = await connectRaw({ port: place.listener.local.port });
      await socket.write(how.begin);
      await seen.until((all) => all.includes("data"));
      await how.break(socket, clock);
      return {
        place,
        socket,
        seen,
        async [Symbol.asyncDispose]() {
          await socket[Symbol.asyncDispose]();
          await place[Symbol.asyncDispose]();
        },
      };
    }

    test("is aborted, fails and closes, and the client reads what it is due", async () => {
      await using broken = await breakOff((request, record) => {
        request.on("aborted", () => record("aborted"));
        request.on("error", (error: NodeJS.ErrnoException) => record(`error ${error.code}`));
        request.on("end", () => record("end"));
        request.on("close", () => record("close"));
      });
      await broken.seen.until((all) => all.includes("close"));
      expect(broken.seen.values).toEqual(["data", "aborted", `error ${how.code}`, "close"]);
      const text = await broken.socket.readToEnd().then(String, () => "");
      expect(text).toMatch(how.answer);
      expect(broken.place.errors).toEqual([]);
    });

    test("ends a pipeline, and what it wrote to", async () => {
      await using broken = await breakOff(async (request, record) => {
        const file = new Writable({ write: (_chunk, _encoding, done) => done() });
        file.once("close", () => record("file closed"));
        await pipeline(request, file).catch(() => record("failed"));
      });
      await broken.seen.until((all) => all.includes("failed") && all.includes("file closed"));
    });

    test("ends a loop, whose failure is the client's and told to nobody", async () => {
      await using broken = await breakOff(async (request, record) => {
        try {
          for await (const _chunk of request);
          record("whole");
        } finally {
          record("over");
        }
      });
      await broken.seen.until((all) => all.includes("over"));
      expect(broken.seen.values).not.toContain("whole");
      await broken.socket.readToEnd().catch(() => undefined);
      expect(broken.place.errors).toEqual([]);
    });

    test("does nothing to a listener that looks at neither", async () => {
      await using broken = await breakOff((request, record) => {
        request.resume().once("close", () => record("close"));
      });
      await broken.seen.until((all) => all.includes("close"));
      expect(broken.place.errors).toEqual([]);
    });
  },
);
