import { setTimeout as delay } from "node:timers/promises";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { good, type RawPeer, rawServer } from "./raw-server.ts";
import { expectOutcome, leavingNothing, type Outcome, onWay, outcomeOf, wayNames } from "./ways.ts";

const large = Buffer.alloc(16_000_000, "king");
const refusal = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 4\r\n\r\nless";

async function* inPieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

/** Yields one piece and then nothing, for as long as nobody lets it end. */
async function* stalling(released: Promise<void>) {
  yield Buffer.from("first");
  await released;
}

const bodies: readonly [string, () => Buffer | AsyncIterable<Uint8Array>][] = [
  ["bytes", () => large],
  ["an iterable", () => inPieces(large)],
];

/** Takes no more bytes from the connection. */
const deaf = (peer: RawPeer) => peer.socket.pause();

describe.each(wayNames)("by %s", (name) => {
  describe.each(bodies)("an upload of %s", (kind, body) => {
    test("that the server does not read fails by writeIdleTimeoutMs", async () => {
      await leavingNothing(async () => {
        await using server = await rawServer(deaf);
        await onWay(name, server.origin, { writeIdleTimeoutMs: 200 }, async (way) => {
          const outcome = await outcomeOf(way.ask("/bad", { method: "POST", body: body() }));
          const details = { phase: "write", timeoutMs: 200 };
          expectOutcome(outcome, { code: "KING_HTTP_TIMEOUT", details });
          expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
          await way.idle();
        });
      });
    });

    test("that the server reads slowly is not given up", async () => {
      await leavingNothing(async () => {
        const bytes = large.subarray(0, 4_000_000);
        await using server = await rawServer("", {
          onConnection({ socket }) {
            let taken = 0;
            socket.on("data", (chunk: Buffer) => {
              taken += chunk.length;
              if (taken >= bytes.length) return;
              socket.pause();
              setTimeout(() => socket.resume(), 1);
            });
            socket.on("data", () => {
              if (taken >= bytes.length) socket.write(good);
            });
          },
        });
        await onWay(name, server.origin, { writeIdleTimeoutMs: 1_000 }, async (way) => {
          const body = kind === "bytes" ? bytes : inPieces(bytes);
          expectOutcome(await outcomeOf(way.ask("/slow", { method: "POST", body })), {
            text: "good",
          });
        });
      });
    });

    test.each<[string, (peer: RawPeer) => unknown, Outcome]>([
      ["FIN", (peer) => peer.end(), { code: "KING_HTTP_ABORTED", details: { processed: true } }],
      ["RST", (peer) => peer.reset(), { code: "KING_HTTP_ABORTED", details: { processed: true } }],
      ["what is no HTTP", (peer) => peer.say("what?"), { code: "KING_HTTP_PROTOCOL" }],
    ])("that the server answers with %s fails", async (_, cut, expected) => {
      await leavingNothing(async () => {
        await using server = await rawServer((peer) => {
          deaf(peer);
          return cut(peer);
        });
        await onWay(name, server.origin, {}, async (way) => {
          const outcome = await outcomeOf(way.ask("/bad", { method: "POST", body: body() }));
          expectOutcome(outcome, expected);
          expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
          await way.idle();
        });
      });
    });

    test("that the server answers before it has read it gives the answer", async () => {
      await leavingNothing(async () => {
        await using server = await rawServer((peer) => {
          deaf(peer);
          return peer.say(refusal);
        });
        await onWay(name, server.origin, {}, async (way) => {
          const outcome = await outcomeOf(way.ask("/bad", { method: "POST", body: body() }));
          expectOutcome(outcome, { text: "less", status: 413 });
          // What is left of the body would be taken for another request.
          expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
          await way.idle();
        });
        expect(server.requests.map(({ on }) => on)).toEqual([1, 2]);
      });
    });

    test("that the server accepts before it has read it does not hold its connection for ever", async () => {
      await leavingNothing(async () => {
        await using server = await rawServer((peer) => {
          deaf(peer);
          return peer.say(good);
        });
        await onWay(name, server.origin, { writeIdleTimeoutMs: 200 }, async (way) => {
          const outcome = await outcomeOf(way.ask("/bad", { method: "POST", body: body() }));
          expectOutcome(outcome, { text: "good", status: 200 });
          await way.ended();
          expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
          await way.idle();
        });
        expect(server.requests.map(({ on }) => on)).toEqual([1, 2]);
      });
    });

    test("that the caller aborts is cut, with the reason as it is", async () => {
      await leavingNothing(async () => {
        const { promise: arrived, resolve: arrive } = Promise.withResolvers<RawPeer>();
        await using server = await rawServer((peer) => {
          deaf(peer);
          arrive(peer);
        });
        await onWay(name, server.origin, {}, async (way) => {
          const reason = { mine: true };
          const caller = new AbortController();
          const { signal } = caller;
          const asked = way.ask("/bad", { method: "POST", body: body(), signal });
          const outcome = outcomeOf(asked);
          const peer = await withDeadline(arrived, "the request");
          caller.abort(reason);
          expect(await outcome).toBe(reason);
          peer.socket.resume();
          await withDeadline(peer.closed, "the end of the connection");
          expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
          await way.idle();
        });
      });
    });
  });

  test("a source that stalls is cut when the server goes", async () => {
    await leavingNothing(async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      await using server = await rawServer((peer) => peer.reset());
      await onWay(name, server.origin, {}, async (way) => {
        const body = stalling(promise);
        const outcome = await outcomeOf(way.ask("/bad", { method: "POST", body }));
        expectOutcome(outcome, { code: "KING_HTTP_ABORTED" });
        resolve();
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
    });
  });

  test("a source that stalls is not the server's fault, and ends by timeoutMs", async () => {
    await leavingNothing(async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      await using server = await rawServer(() => undefined);
      const limits = { writeIdleTimeoutMs: 50, headersTimeoutMs: 50, timeoutMs: 300 };
      await onWay(name, server.origin, limits, async (way) => {
        const body = stalling(promise);
        const outcome = await outcomeOf(way.ask("/bad", { method: "POST", body }));
        const details = { phase: "total", timeoutMs: 300 };
        expectOutcome(outcome, { code: "KING_HTTP_TIMEOUT", details });
        resolve();
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
    });
  });

  test.each([
    ["an error", new Error("mine")],
    ["what is no error", "mine"],
  ])("a source that throws %s fails with it, and cuts the request", async (_, reason) => {
    await leavingNothing(async () => {
      await using server = await rawServer(() => undefined);
      await onWay(name, server.origin, {}, async (way) => {
        async function* failing() {
          yield Buffer.from("first");
          await delay(1);
          throw reason;
        }
        expect(await outcomeOf(way.ask("/bad", { method: "POST", body: failing() }))).toBe(reason);
        const peer = await server.peer(1);
        await withDeadline(peer.closed, "the end of the connection");
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
    });
  });

  test("a source that fails once the answer is whole does not hold its connection", async () => {
    await leavingNothing(async () => {
      const { promise, reject } = Promise.withResolvers<void>();
      promise.catch(() => undefined);
      await using server = await rawServer((peer) => peer.say(good));
      await onWay(name, server.origin, {}, async (way) => {
        const body = stalling(promise);
        const outcome = await outcomeOf(way.ask("/bad", { method: "POST", body }));
        expectOutcome(outcome, { text: "good", status: 200 });
        reject(new Error("mine"));
        await way.ended();
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
      expect(server.requests.map(({ on }) => on)).toEqual([1, 2]);
    });
  });

  test.each([
    ["numbers", 1],
    ["text", "text"],
    ["nothing", undefined],
  ])("a source that yields %s is refused", async (_, chunk) => {
    await leavingNothing(async () => {
      await using server = await rawServer(() => undefined);
      await onWay(name, server.origin, {}, async (way) => {
        async function* strange() {
          yield Buffer.from("first");
          yield chunk as unknown as Buffer;
        }
        const outcome = await outcomeOf(way.ask("/bad", { method: "POST", body: strange() }));
        expectOutcome(outcome, { code: "KING_HTTP_REQUEST_INVALID", details: { option: "body" } });
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
    });
  });
});
