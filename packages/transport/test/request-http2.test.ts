import { once } from "node:events";
import {
  createSecureServer,
  type SecureServerOptions,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { makeCertificates, watchResources } from "@king-runtime/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { listenHttp, type RequestOptions, request } from "../src/index.ts";

let certificates: Awaited<ReturnType<typeof makeCertificates>>;
beforeAll(async () => {
  certificates = await makeCertificates();
});

/** One frame of stream 1, or of the connection (RFC 9113, section 4.1). */
function frame(type: number, flags: number, payload: Iterable<number>, streamId = 1): Buffer {
  const bytes = Buffer.from([...payload]);
  return Buffer.concat([
    Buffer.from([0, bytes.length >> 8, bytes.length & 255, type, flags, 0, 0, 0, streamId]),
    bytes,
  ]);
}

const okHead = frame(1, 4, [0x88]);

/** Requests something of a server that answers with `frames`, in pieces of `pieceBytes`. */
async function saying(frames: readonly Buffer[], pieceBytes = 65_536) {
  const { cert, key } = certificates.leaf;
  const server = createTlsServer({ cert, key, ALPNProtocols: ["h2"] }, async (socket) => {
    socket.on("error", () => undefined).setNoDelay();
    await once(socket, "data");
    const bytes = Buffer.concat([frame(4, 0, [], 0), ...frames]);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await new Promise((resolve) => socket.write(bytes.subarray(at, at + pieceBytes), resolve));
    }
    setImmediate(() => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    answered: () => request(url, { tls: { ca: certificates.ca } }),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

const manyFields = Object.fromEntries(
  Array.from({ length: 100 }, (_, i) => [`x-field-${i}`, "value"]),
);

/** Requests something of a server of node's own that answers a stream with `answer`. */
async function asking(
  answer: (stream: ServerHttp2Stream) => void,
  options: RequestOptions = {},
  serverOptions: SecureServerOptions = {},
) {
  const { cert, key } = certificates.leaf;
  const server = createSecureServer({ cert, key, ...serverOptions });
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => undefined);
  });
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    answer(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    answered: () => request(url, { tls: { ca: certificates.ca }, ...options }),
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

describe("a response over HTTP/2", () => {
  test.each([0, 2, 8, 11])(
    "that a reset with code %i cuts is not taken for whole",
    async (code) => {
      const reset = frame(3, 0, [0, 0, 0, code]);
      await using place = await saying([okHead, frame(0, 0, Buffer.from("partial")), reset]);
      const response = await place.answered();
      expect(response.protocol).toBe("h2");
      await expect(response.text()).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
      await expect(response.trailers).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
    },
  );

  test("that is followed by a reset is whole", async () => {
    const end = frame(0, 1, Buffer.from("whole"));
    await using place = await saying([okHead, end, frame(3, 0, [0, 0, 0, 0])]);
    expect(await (await place.answered()).text()).toBe("whole");
  });

  test("is whole or not whatever the pieces it comes in", async () => {
    const end = frame(0, 1, Buffer.from("whole"));
    for (const frames of [
      [okHead, end],
      [okHead, end.subarray(0, -1)],
      [okHead, frame(0, 0, [])],
    ]) {
      await using place = await saying(frames, 1);
      const text = place.answered().then((response) => response.text());
      if (frames[1] === end) expect(await text).toBe("whole");
      else await expect(text).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
    }
  });

  test("that the end of the connection cuts is not taken for whole", async () => {
    await using place = await asking((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("partial", () => setImmediate(() => stream.session?.destroy()));
    });
    const response = await place.answered();
    await expect(response.text()).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
  });

  test("that a failing handler of our own cuts is not taken for whole", async () => {
    const { cert, key } = certificates.leaf;
    await using listener = await listenHttp({
      tls: { cert, key },
      async handler(exchange) {
        exchange.respond(200);
        await exchange.write(Buffer.from("half of it"));
        throw new Error("no more");
      },
      onHandlerError: () => undefined,
    });
    const url = `https://127.0.0.1:${listener.local.port}/`;
    const answered = request(url, { tls: { ca: certificates.ca } }).then((each) => each.text());
    await expect(answered).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
  });

  test.each<[string, RequestOptions, (stream: ServerHttp2Stream) => void, string]>([
    ["ends with its head", {}, (stream) => stream.respond({}, { endStream: true }), ""],
    [
      "ends with an empty frame",
      {},
      (stream) => {
        stream.respond({});
        stream.write("whole", () => setImmediate(() => stream.end()));
      },
      "whole",
    ],
    [
      "ends with trailers",
      {},
      (stream) => {
        stream.respond({}, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ sum: "1" }));
        stream.end("whole");
      },
      "whole",
    ],
    [
      "is large",
      {},
      (stream) => {
        stream.respond({});
        stream.end("x".repeat(3_000_000));
      },
      "x".repeat(3_000_000),
    ],
    [
      "answers before the request is whole (RFC 9113, section 8.1: RST_STREAM with NO_ERROR)",
      { method: "POST", body: Buffer.alloc(1_000_000) },
      (stream) => {
        stream.respond({});
        stream.end("whole", () => stream.close(0));
      },
      "whole",
    ],
  ])("that %s is whole, and leaves nothing behind", async (_, options, answer, text) => {
    const watch = watchResources();
    {
      await using place = await asking(answer, options);
      const response = await place.answered();
      expect([response.protocol, (await response.text()) === text]).toEqual(["h2", true]);
    }
    await watch.settled();
  });

  test("that nobody reads is given up by disposing of it, and leaves nothing behind", async () => {
    const watch = watchResources();
    {
      await using place = await asking((stream) => {
        stream.respond({});
        stream.write("x".repeat(1_000_000));
      });
      await using response = await place.answered();
      expect(response.status).toBe(200);
    }
    await watch.settled();
  });

  test.each<[string, (stream: ServerHttp2Stream) => void]>([
    ["head", (stream) => stream.respond({ a: "a".repeat(2_000) }, { endStream: true })],
    ["head of many fields", (stream) => stream.respond(manyFields)],
    [
      "trailers",
      (stream) => {
        stream.respond({}, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ a: "a".repeat(2_000) }));
        stream.end("whole");
      },
    ],
    [
      "interim responses",
      (stream) => {
        for (let i = 0; i < 40; i++) stream.additionalHeaders({ ":status": 103, link: "</a>" });
      },
    ],
  ])("whose %s are too large is KING_HTTP_HEADER_LIMIT", async (_, answer) => {
    const watch = watchResources();
    {
      await using place = await asking(answer, { maxHeaderBytes: 1_024 });
      const answered = place.answered().then((response) => response.text());
      await expect(answered).rejects.toMatchObject({ code: "KING_HTTP_HEADER_LIMIT" });
    }
    await watch.settled();
  });
});
