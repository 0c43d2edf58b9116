import { KingError } from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { good, type RawPeer, rawServer } from "./raw-server.ts";
import { expectOutcome, leavingNothing, onWay, outcomeOf, type WayName } from "./ways.ts";

const answer = (text: string, ...fields: string[]) =>
  `${["HTTP/1.1 200 OK", `content-length: ${text.length}`, ...fields].join("\r\n")}\r\n\r\n${text}`;
const evil = answer("evil");
const chunkedGood = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n";

/** Those that keep their connections. */
const keepers: readonly WayName[] = ["a client", "a client that sends trailers", "a session"];

describe.each(keepers)("a connection of %s", (name) => {
  test("is used again after answers of every framing", async () => {
    await leavingNothing(async () => {
      const framings: Record<string, string> = {
        "/length": good,
        "/chunked": chunkedGood,
        "/none": "HTTP/1.1 204 No Content\r\n\r\n",
        "/unchanged": "HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n",
        "/head": "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n",
        "/interim": `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${good}`,
      };
      await using server = await rawServer((peer, { path }) => peer.say(framings[path] as string));
      await onWay(name, server.origin, {}, async (way) => {
        for (const path of Object.keys(framings).filter((each) => each !== "/head")) {
          await (await way.ask(path)).bytes();
        }
        if (name !== "a client") await (await way.ask("/head", { method: "HEAD" })).bytes();
        await (await way.ask("/good")).bytes();
      });
      const connections = new Set(server.requests.map(({ on }) => on));
      // What says that a 304 has a body is not trusted with another request by undici.
      expect(connections.size).toBe(name === "a client" ? 2 : 1);
    });
  });

  test.each([
    ["bytes beyond the length", `${good}evil`],
    ["a second response", good + evil],
    ["a second response behind chunks", chunkedGood + evil],
    ["a second response behind one without a body", `HTTP/1.1 204 No Content\r\n\r\n${evil}`],
    ["a second response behind 304", `HTTP/1.1 304 Not Modified\r\n\r\n${evil}`],
    [
      "a body behind 204 with a length",
      `HTTP/1.1 204 No Content\r\ncontent-length: ${evil.length}\r\n\r\n${evil}`,
    ],
    ["a request", `${good}GET / HTTP/1.1\r\nhost: a\r\n\r\n`],
  ])("that brings %s serves no other request", async (_, bytes) => {
    await leavingNothing(async () => {
      await using server = await rawServer(bytes);
      await onWay(name, server.origin, {}, async (way) => {
        const first = await way.ask("/bad");
        // What is right of it may be had; what is not must not be taken for the next.
        await first.bytes().catch((error) => expect(KingError.is(error)).toBe(true));
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
      expect(server.requests.map(({ on }) => on)).toEqual([1, 2]);
    });
  });

  test("that brings half of a second response does not have the rest be taken for the next", async () => {
    await leavingNothing(async () => {
      const [half, rest] = [evil.slice(0, 20), evil.slice(20)];
      await using server = await rawServer((peer, { on }) => {
        // Node forgets the half, and then does not understand the rest; undici ends the connection.
        void peer.say(on === 1 && peer.received < 200 ? good + half : rest);
      });
      await onWay(name, server.origin, {}, async (way) => {
        expectOutcome(await outcomeOf(way.ask("/first")), { text: "good" });
        const next = await outcomeOf(way.ask("/next", { headers: { long: "a".repeat(200) } }));
        expectOutcome(next, { code: "KING_HTTP_PROTOCOL" });
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
      });
    });
  });

  test("that brings a body to HEAD serves no other request", async () => {
    await leavingNothing(async () => {
      await using server = await rawServer(evil);
      await onWay(name, server.origin, {}, async (way) => {
        await (await way.ask("/bad", { method: "HEAD" })).bytes();
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
      });
      expect(server.requests.map(({ on }) => on)).toEqual([1, 2]);
    });
  });

  test.each([
    ["a response that nobody asked for", evil],
    ["a 408", "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"],
    ["an interim response", "HTTP/1.1 103 Early Hints\r\n\r\n"],
    ["a line break", "\r\n"],
    ["one byte", "H"],
    ["garbage", "\0\x01\x02"],
  ])("that is idle and brings %s ends", async (_, bytes) => {
    await leavingNothing(async () => {
      await using server = await rawServer(good);
      await onWay(name, server.origin, {}, async (way) => {
        await (await way.ask("/first")).bytes();
        const peer = await server.peer(1);
        void peer.say(bytes);
        // Line breaks may stand before a response, and undici waits for that.
        if (name !== "a client" || bytes !== "\r\n") await way.ended();
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
    });
  });

  test.each<[string, (peer: RawPeer) => void]>([
    ["ends", (peer) => peer.end()],
    ["resets", (peer) => peer.reset()],
  ])("that is idle when the server %s it is not used again", async (_, cut) => {
    await leavingNothing(async () => {
      await using server = await rawServer(good);
      await onWay(name, server.origin, {}, async (way) => {
        await (await way.ask("/first")).bytes();
        const peer = await server.peer(1);
        cut(peer);
        await way.ended();
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
      expect(server.requests.at(-1)).toMatchObject({ path: "/good", on: 2 });
    });
  });

  test.each([
    ["Connection: close", answer("good", "connection: close")],
    ["Connection: Close, among others", answer("good", "connection: foo, Close")],
    ["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\ngood"],
  ])("whose answer says %s serves no other request", async (_, bytes) => {
    await leavingNothing(async () => {
      await using server = await rawServer(bytes);
      await onWay(name, server.origin, {}, async (way) => {
        expectOutcome(await outcomeOf(way.ask("/last")), { text: "good" });
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await withDeadline((await server.peer(1)).closed, "the end of the first connection");
      });
      expect(server.requests.map(({ on }) => on)).toEqual([1, 2]);
    });
  });

  test("whose body is given up serves no other request", async () => {
    await leavingNothing(async () => {
      await using server = await rawServer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
      await onWay(name, server.origin, {}, async (way) => {
        {
          await using given = await way.ask("/bad");
          expect(given.status).toBe(200);
        }
        expectOutcome(await outcomeOf(way.ask("/good")), { text: "good" });
        await way.idle();
      });
      expect(server.requests.map(({ on }) => on)).toEqual([1, 2]);
      expect(await (await server.peer(1)).closed).not.toBe("here");
    });
  });

  test.each([
    ["GET", { method: "GET" }, 2],
    ["POST", { method: "POST", body: "x" }, 1],
    ["POST that is said to be idempotent", { method: "POST", body: "x", idempotent: true }, 2],
  ] as const)(
    "that the server gives up just when %s is on its way",
    async (_, options, attempts) => {
      await leavingNothing(async () => {
        let asked = 0;
        await using server = await rawServer((peer) => {
          if (++asked === 1) return peer.reset();
          return peer.say(good);
        });
        await onWay(name, server.origin, {}, async (way) => {
          await (await way.ask("/good")).bytes();
          const outcome = await outcomeOf(way.ask("/race", options));
          // A session of its owner's repeats nothing by itself.
          if (name === "a session" || attempts === 1) {
            expectOutcome(outcome, { code: "KING_HTTP_ABORTED", details: { processed: true } });
          } else expectOutcome(outcome, { text: "good" });
        });
        expect(asked).toBe(name === "a session" ? 1 : attempts);
      });
    },
  );
});
