import { testClock, watchResources } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createHttpClient, type RequestBody } from "../../src/index.ts";
import { carriers, startPeer } from "./carriers.ts";

const clients = carriers.filter(({ by }) => by === "client");
const given = <T>(value: unknown) => value as T;

describe.each(clients)("what cannot be begun leaves nothing behind, by $name", (carrier) => {
  const { protocol, tls, isFull } = carrier;
  const own = isFull && protocol === "h1" ? { trailers: { a: "b" } } : {};

  test.each<[string, RequestBody]>([
    [
      "that throws",
      () => {
        throw new Error("no body");
      },
    ],
    ["that gives null", given(() => null)],
    ["that gives a number", given(() => 42)],
    ["that gives an object", given(() => ({}))],
    [
      "that gives a stream somebody else reads",
      () => {
        const stream = new ReadableStream<Uint8Array>();
        stream.getReader();
        return stream;
      },
    ],
  ])("a body %s", async (_, body) => {
    const watch = watchResources();
    {
      await using peer = await startPeer((_, outgoing) => outgoing.end("ok"), { protocol, tls });
      await using client = createHttpClient({ ...peer.options, timeoutMs: 60_000 });
      for (let i = 0; i < 5; i++) {
        const asked = client.request(peer.origin, { method: "PUT", ...own, body });
        await expect(asked).rejects.toThrow();
        const after = await client.request(peer.origin, own);
        expect(await after.text()).toBe("ok");
      }
      await client.close();
      expect(client.stats().sessionsActive).toBe(0);
    }
    await watch.settled();
  });
});

test("a connection is kept whose request cannot be begun", async () => {
  await using peer = await startPeer((_, outgoing) => outgoing.end("ok"));
  await using client = createHttpClient(peer.options);
  const body = () => {
    throw new Error("no body");
  };
  for (let i = 0; i < 3; i++) {
    expect(await (await client.request(peer.origin)).text()).toBe("ok");
    await expect(client.request(peer.origin, { method: "PUT", body })).rejects.toThrow("no body");
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.stats()).toMatchObject({ sessionsOpened: 1, sessionsActive: 1, sessionsIdle: 1 });
  }
});

test("fields that HTTP/2 has once are refused twice, and the connection goes on", async () => {
  const watch = watchResources();
  {
    await using peer = await startPeer((_, outgoing) => outgoing.end("ok"), { protocol: "h2" });
    const clock = testClock();
    await using client = createHttpClient({ ...peer.options, timeoutMs: 50, clock });
    for (const name of ["content-type", "authorization", "date"]) {
      const headers = { [name]: ["a", "b"] };
      await expect(client.request(peer.origin, { headers })).rejects.toMatchObject({
        code: "KING_HTTP_REQUEST_INVALID",
        details: { option: "headers" },
      });
    }
    // Nothing is left whose time could be over.
    await clock.advanceAsync(50);
    expect(await (await client.request(peer.origin)).text()).toBe("ok");
    await expect.poll(() => client.stats().sessionsIdle).toBe(1);
    expect(client.stats().sessionsOpened).toBe(1);
  }
  await watch.settled();
});
