import type { IncomingMessage, ServerResponse } from "node:http";
import { stalled } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { openHttpSession } from "../../src/index.ts";
import { bodyOf, carriers, onCarrier, type Serve, startPeer } from "./carriers.ts";

/** A server that holds requests until the test says what to do with them. */
function held() {
  const waiting: [IncomingMessage, ServerResponse][] = [];
  let received = 0;
  let ended = 0;
  let closed = 0;
  const onExpect: Serve = (incoming, outgoing) => {
    incoming.on("data", (chunk) => {
      received += chunk.length;
    });
    incoming.once("end", () => ended++);
    incoming.on("error", () => undefined);
    outgoing.on("error", () => undefined);
    outgoing.once("close", () => closed++);
    waiting.push([incoming, outgoing]);
  };
  return {
    onExpect,
    get received() {
      return received;
    },
    async ended() {
      await expect.poll(() => ended).toBe(1);
    },
    async closed() {
      await expect.poll(() => closed).toBe(1);
    },
    async next() {
      await expect.poll(() => waiting.length).toBeGreaterThan(0);
      return waiting.shift() as [IncomingMessage, ServerResponse];
    },
  };
}

const refused: Serve = (_, outgoing) => void outgoing.writeHead(500).end("without expectation");

async function* parts() {
  yield Buffer.from("a ");
  yield Buffer.from("body");
}

describe.each(carriers)("$name", (carrier) => {
  test.each([
    ["text", () => "a body"],
    ["an iterable", parts],
  ])("sends %s only when the server asks for it", async (_, body) => {
    const server = held();
    const { onExpect } = server;
    const serve = { onExpect };
    await onCarrier(
      carrier,
      refused,
      async ({ ask }) => {
        const answered = ask("/", {
          method: "POST",
          body: body(),
          expectContinue: true,
          expectTimeoutMs: 60_000,
        });
        const [incoming, outgoing] = await server.next();
        expect(incoming.headers.expect).toBe("100-continue");
        expect(await stalled(() => server.received)).toBe(0);
        outgoing.writeContinue();
        await server.ended();
        expect(server.received).toBe(6);
        outgoing.end("thanks");
        const response = await answered;
        expect([response.status, await response.text()]).toEqual([200, "thanks"]);
        expect(response.informational).toEqual([]);
      },
      serve,
    );
  });

  test("sends it all the same when the server says nothing for expectTimeoutMs", async () => {
    const server = held();
    await onCarrier(
      carrier,
      refused,
      async ({ ask }) => {
        const answered = ask("/", {
          method: "POST",
          body: "a body",
          expectContinue: true,
          expectTimeoutMs: 30,
        });
        const [, outgoing] = await server.next();
        await server.ended();
        expect(server.received).toBe(6);
        outgoing.end("late");
        expect(await (await answered).text()).toBe("late");
      },
      { onExpect: server.onExpect },
    );
  });

  test.each([
    [200, "enough"],
    [403, "no"],
    [417, "not that"],
  ])("never sends it after a response of %i, which can be read", async (status, text) => {
    const server = held();
    const serve: Serve = async (incoming, outgoing) => {
      outgoing.end(await bodyOf(incoming));
    };
    await onCarrier(
      carrier,
      serve,
      async ({ ask }) => {
        const answered = ask("/", {
          method: "POST",
          body: "a body",
          expectContinue: true,
          expectTimeoutMs: 60_000,
        });
        const [, outgoing] = await server.next();
        outgoing.writeHead(status).end(text);
        const response = await answered;
        expect([response.status, await response.text()]).toEqual([status, text]);
        await server.closed();
        expect(server.received).toBe(0);
        const next = await ask("/", { method: "POST", body: "the next" });
        expect(await next.text()).toBe("the next");
      },
      { onExpect: server.onExpect },
    );
  });

  test("has no expectation without a body", async () => {
    const server = held();
    const serve: Serve = (incoming, outgoing) => {
      outgoing.end(String(incoming.headers.expect));
    };
    await onCarrier(
      carrier,
      serve,
      async ({ ask }) => {
        const response = await ask("/", { method: "POST", expectContinue: true });
        expect(await response.text()).toBe("undefined");
      },
      { onExpect: server.onExpect },
    );
  });
});

describe.each([["h1"], ["h2"]] as const)("a stream over %s", (protocol) => {
  test("tells by continued whether the server asked for the body", async () => {
    const server = held();
    await using peer = await startPeer(refused, { protocol, onExpect: server.onExpect });
    await using session = await openHttpSession(peer.origin, peer.options);
    const stream = await session.request({
      method: "POST",
      open: true,
      expectContinue: true,
      expectTimeoutMs: 60_000,
    });
    const [, outgoing] = await server.next();
    outgoing.writeContinue();
    expect(await stream.continued).toBe(true);
    await stream.end(Buffer.from("x"));
    await server.ended();
    outgoing.end("ok");
    expect(await (await stream.response).text()).toBe("ok");
    expect(server.received).toBe(1);
  });

  test("tells false when the server answers or is silent, and the body may be sent still", async () => {
    const server = held();
    await using peer = await startPeer(refused, { protocol, onExpect: server.onExpect });
    await using session = await openHttpSession(peer.origin, peer.options);
    const options = { method: "POST", open: true, expectContinue: true } as const;
    const silent = await session.request({ ...options, expectTimeoutMs: 20 });
    expect(await silent.continued).toBe(false);
    await silent.end(Buffer.from("x"));
    const [, late] = await server.next();
    late.end("ok");
    expect(await (await silent.response).text()).toBe("ok");
    await using other = await openHttpSession(peer.origin, peer.options);
    const answered = await other.request({ ...options, expectTimeoutMs: 60_000 });
    const [, outgoing] = await server.next();
    outgoing.writeHead(417).end("no");
    expect(await answered.continued).toBe(false);
    expect(await (await answered.response).text()).toBe("no");
    answered.reset();
  });

  test("that expects nothing is continued at once", async () => {
    await using peer = await startPeer((_, outgoing) => outgoing.end("ok"), { protocol });
    await using session = await openHttpSession(peer.origin, peer.options);
    const stream = await session.request({ method: "POST", open: true });
    expect(await stream.continued).toBe(true);
    await stream.end();
    expect(await (await stream.response).text()).toBe("ok");
  });
});
