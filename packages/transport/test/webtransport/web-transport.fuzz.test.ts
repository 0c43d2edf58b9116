import { withDeadline } from "@king-runtime/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { http3Codes, sessionCodes } from "../../src/http3/codes.ts";
import { frame } from "../../src/http3/frame-writer.ts";
import { varints } from "../../src/http3/varint.ts";
import { closeCapsule, drainCapsule } from "../../src/webtransport/capsules.ts";
import type { WebTransportSession } from "../../src/webtransport/index.ts";
import { memoryEngine } from "../http3/memory-engine.ts";
import { bytes, RawHttp3Stream, requestHead } from "../http3/raw-http3-peer.ts";
import { webTransportServer } from "./web-transport-harness.ts";

const defined: ReadonlySet<number | undefined> = new Set<number>(Object.values(http3Codes));
const ofStreams = new Set<number | undefined>([...defined, ...Object.values(sessionCodes)]);

const anyBytes = fc.uint8Array({ maxLength: 30 });
const sessionId = fc.oneof(fc.constant(0), fc.nat(12), fc.nat(0x3fff_ffff));
const step = fc.oneof(
  fc.record({
    kind: fc.constantFrom("both" as const, "send" as const),
    first: fc.oneof(
      fc.tuple(sessionId, anyBytes).map(([id, rest]) => bytes(varints(0x41, id), rest)),
      fc.tuple(sessionId, anyBytes).map(([id, rest]) => bytes(varints(0x54, id), rest)),
      anyBytes,
    ),
    ends: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("capsules" as const),
    first: fc.oneof(
      anyBytes,
      fc
        .tuple(fc.constantFrom(0, 0x21, 0x2843, 0x78ae), anyBytes)
        .map(([type, payload]) => frame(type, payload)),
      fc.tuple(fc.nat(), fc.string({ maxLength: 9 })).map(([code, why]) => closeCapsule(code, why)),
      fc.constant(drainCapsule()),
    ),
    ends: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("datagram" as const),
    first: fc.oneof(
      anyBytes,
      fc.tuple(sessionId, anyBytes).map(([id, rest]) => bytes(varints(id), rest)),
    ),
    ends: fc.boolean(),
  }),
);

/** Reads what comes, and sends datagrams back. */
async function use(session: WebTransportSession): Promise<void> {
  void (async () => {
    for await (const each of session.datagrams()) {
      if (session.state === "open") session.sendDatagram(each.subarray(0, 1_000));
    }
  })().catch(() => undefined);
  for await (const stream of session.streams()) {
    void (async () => {
      for await (const _ of stream);
      await stream.end();
    })().catch(() => undefined);
  }
}

test("whatever a client sends, it is told a code that is defined, or served", {
  timeout: 30_000,
}, async () => {
  await using server = await webTransportServer(memoryEngine());
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const client = await server.connect();
      const accepting = server.accept();
      const peer = await client.connect();
      const session = (await accepting) as WebTransportSession;
      const using = use(session);
      const told: Promise<number | undefined>[] = [];
      for (const { kind, first, ends } of steps) {
        try {
          if (kind === "datagram") client.session.sendDatagram(first);
          else if (kind === "capsules") {
            await peer.capsule(first);
            if (ends) await peer.connect.stream.end();
          } else {
            const stream = await client.session.openStream({ direction: kind });
            stream.closed.then(({ by, code }) => {
              if (by === "peer") told.push(Promise.resolve(code));
            });
            await stream.write(first);
            if (ends) await stream.end();
          }
        } catch {
          // It has been ended before.
        }
        await new Promise(setImmediate);
      }
      if (client.session.state === "open") {
        const request = new RawHttp3Stream(await client.session.openStream());
        await request.send(requestHead("GET", "/other"));
        await request.stream.end();
        const exchange = await server.next();
        exchange.respond(200, {}, "served");
        expect((await withDeadline(request.message(), "a response")).body).toBe("served");
      } else expect(defined).toContain((await client.session.closed).code);
      for (const code of await Promise.all(told)) {
        if (code !== undefined && code < 0x52e4a40fa8db) expect(ofStreams).toContain(code);
      }
      session.abort();
      await withDeadline(using, "the end of streams()");
      client.session.abort();
    }),
    { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 150) },
  );
});
