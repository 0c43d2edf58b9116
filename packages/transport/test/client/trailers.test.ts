import type { HeaderFields } from "@king-runtime/core";
import { stalled } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createHttpClient, openHttpSession } from "../../src/index.ts";
import { bodyOf, carriers, onCarrier, type Serve, startPeer } from "./carriers.ts";

const told: Serve = async (incoming, outgoing) => {
  const body = await bodyOf(incoming);
  const { trailers, rawTrailers } = incoming;
  const te = incoming.headers["te"];
  outgoing.end(JSON.stringify({ body: body.toString(), trailers, count: rawTrailers.length, te }));
};

async function* parts() {
  yield Buffer.from("a ");
  yield Buffer.from("body");
}

describe.each(carriers)("$name", (carrier) => {
  test.each([
    ["text", () => "a body"],
    ["bytes", () => Buffer.from("a body")],
    ["an iterable", parts],
  ])("sends trailers after %s", async (_, body) => {
    await onCarrier(carrier, told, async ({ ask }) => {
      const trailers = { "x-sum": "9", "x-many": ["a", "b"] };
      const response = await ask("/", { method: "POST", body: body(), trailers });
      expect(await response.json()).toMatchObject({
        body: "a body",
        trailers: { "x-sum": "9", "x-many": "a, b" },
      });
    });
  });

  test("asks a function for them when the body has ended", async () => {
    await onCarrier(carrier, told, async ({ ask }) => {
      let bytes = 0;
      async function* counted() {
        for await (const part of parts()) {
          bytes += part.length;
          yield part;
        }
      }
      const trailers = () => ({ "x-bytes": String(bytes) });
      const response = await ask("/", { method: "POST", body: counted(), trailers });
      expect(await response.json()).toMatchObject({ trailers: { "x-bytes": "6" } });
    });
  });

  test("sends them without a body, too", async () => {
    await onCarrier(carrier, told, async ({ ask }) => {
      const response = await ask("/", { method: "POST", trailers: { "x-sum": "0" } });
      expect(await response.json()).toMatchObject({ body: "", trailers: { "x-sum": "0" } });
    });
  });

  test("fails with what the function throws, or when it gives what cannot be sent", async () => {
    const serve: Serve = (incoming) => void incoming.resume();
    await onCarrier(carrier, serve, async ({ ask }) => {
      const failure = new Error("no sum");
      const throwing = () => {
        throw failure;
      };
      const asked = ask("/", { method: "POST", body: "b", trailers: throwing });
      await expect(asked).rejects.toBe(failure);
      for (const bad of [{ a: "b\r\nc: d" }, { "a b": "c" }]) {
        const trailers = () => bad as HeaderFields;
        await expect(ask("/", { method: "POST", body: "b", trailers })).rejects.toMatchObject({
          code: "KING_HTTP_HEADER_INVALID",
        });
      }
    });
  });

  test.each([
    ["a line break", { a: "b\r\nc: d" }],
    ["a name that is none", { "a b": "c" }],
    ["a field that frames", { "transfer-encoding": "chunked" }],
  ])("refuses trailers with %s before anything is sent", async (_, trailers) => {
    await onCarrier(carrier, told, async ({ ask }) => {
      await expect(ask("/", { method: "POST", body: "b", trailers })).rejects.toMatchObject({
        code: "KING_HTTP_REQUEST_INVALID",
        details: { option: "trailers" },
      });
    });
  });

  test("tells the trailers of a response once its body has been read", async () => {
    const serve: Serve = (incoming, outgoing) => {
      if (incoming.url === "/") outgoing.addTrailers({ "x-sum": "9" });
      outgoing.write("a ");
      outgoing.end("body");
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      const response = await ask("/");
      let settled = false;
      const waiting = response.trailers.then((trailers) => {
        settled = true;
        return trailers.get("x-sum");
      });
      expect(await stalled(() => Number(settled))).toBe(0);
      expect(await response.text()).toBe("a body");
      expect(await waiting).toBe("9");
      const none = await ask("/none");
      await none.text();
      expect([...(await none.trailers)]).toEqual([]);
    });
  });

  test("sends te: trailers of the caller's", async () => {
    await onCarrier(carrier, told, async ({ ask }) => {
      const response = await ask("/", { headers: { te: "trailers" } });
      expect(await response.json()).toMatchObject({ te: "trailers" });
    });
  });
});

describe.each(["h1", "h2"] as const)("a stream over %s", (protocol) => {
  test("sends trailers that are set before its end", async () => {
    await using peer = await startPeer(told, { protocol });
    await using session = await openHttpSession(peer.origin, peer.options);
    const stream = await session.request({ method: "POST", open: true });
    expect(() => stream.setTrailers({ a: "b\r\nc: d" })).toThrow(
      expect.objectContaining({ code: "KING_HTTP_HEADER_INVALID", details: { name: "a" } }),
    );
    stream.write(Buffer.from("body"));
    stream.setTrailers({ "x-sum": "4" });
    await stream.end();
    expect(await (await stream.response).json()).toMatchObject({ trailers: { "x-sum": "4" } });
  });
});

test("a client goes from connections that know no trailers to others, and back", async () => {
  await using peer = await startPeer(told);
  await using client = createHttpClient();
  const url = `${peer.origin}/`;
  for (const trailers of [undefined, { a: "1" }, undefined, { a: "2" }]) {
    const response = await client.request(url, {
      method: "POST",
      body: "b",
      ...(trailers && { trailers }),
    });
    expect(await response.json()).toMatchObject({ body: "b", trailers: trailers ?? {} });
  }
  expect([peer.connections, client.stats().sessionsOpened]).toEqual([2, 2]);
});
