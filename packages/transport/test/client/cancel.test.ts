import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { watchResources, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { createHttpClient, request } from "../../src/index.ts";
import { carriers, onCarrier, type Serve, startPeer } from "./carriers.ts";

const reason = { not: "even an error" };

/** Holds what arrives, and tells when the server sees its end. */
function holding(begin: (outgoing: ServerResponse) => void) {
  const order: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<number>();
  const serve: Serve = (incoming, outgoing) => {
    order.push("arrived");
    incoming.resume();
    outgoing.once("close", () => {
      order.push("ended");
      ended.resolve(performance.now());
    });
    begin(outgoing);
    arrived.resolve();
  };
  return { order, arrived: arrived.promise, ended: ended.promise, serve };
}

describe.each(carriers)("$name", (carrier) => {
  test("is not even begun with a signal that is aborted", async () => {
    const server = holding(() => undefined);
    await onCarrier(carrier, server.serve, async ({ ask }) => {
      const signal = AbortSignal.abort(reason);
      await expect(ask("/", { signal })).rejects.toBe(reason);
      await expect(ask("/", { method: "POST", body: "b", signal })).rejects.toBe(reason);
      expect(server.order).toEqual([]);
    });
  });

  test("is given up while the head is awaited, and the server sees it within 100 ms", async () => {
    const tookMs: number[] = [];
    // The best of some: others may have the machine for longer than that.
    for (let round = 0; round < 5; round++) {
      const server = holding(() => undefined);
      await onCarrier(carrier, server.serve, async ({ ask }) => {
        const giveUp = new AbortController();
        const asked = ask("/", { signal: giveUp.signal }).catch((error) => {
          server.order.push("rejected");
          return error;
        });
        await server.arrived;
        const since = performance.now();
        giveUp.abort(reason);
        expect(await asked).toBe(reason);
        tookMs.push((await withDeadline(server.ended, "the end")) - since);
        expect(server.order).toEqual(["arrived", "rejected", "ended"]);
      });
    }
    expect(Math.min(...tookMs)).toBeLessThan(100);
  });

  test("is given up while its body is sent", async () => {
    const server = holding(() => undefined);
    await onCarrier(carrier, server.serve, async ({ ask }) => {
      async function* slow() {
        yield Buffer.from("a");
        await server.ended;
        yield Buffer.from("b");
      }
      const giveUp = new AbortController();
      const asked = ask("/", { method: "POST", body: slow(), signal: giveUp.signal });
      await Promise.race([server.arrived, asked]);
      giveUp.abort(reason);
      await expect(asked).rejects.toBe(reason);
      await withDeadline(server.ended, "the end");
    });
  });

  test("is given up while its response is read, by either signal", async () => {
    for (const isOwn of [false, true]) {
      const server = holding((outgoing) => void outgoing.writeHead(200).write("half"));
      await onCarrier(carrier, server.serve, async ({ ask }) => {
        const giveUp = new AbortController();
        const { signal } = giveUp;
        const response = await ask("/", isOwn ? {} : { signal });
        const reading = response.bytes(isOwn ? { signal } : {});
        giveUp.abort(reason);
        await expect(reading).rejects.toBe(reason);
        await expect(response.trailers).rejects.toBe(reason);
        await withDeadline(server.ended, "the end");
      });
    }
  });

  test("leaves a response alone that is whole when its signal is aborted", async () => {
    await onCarrier(
      carrier,
      (_, outgoing) => outgoing.end("whole"),
      async ({ ask }) => {
        const giveUp = new AbortController();
        const response = await ask("/", { signal: giveUp.signal });
        expect(await response.text()).toBe("whole");
        giveUp.abort(reason);
        expect(await (await ask("/")).text()).toBe("whole");
        expect([...(await response.trailers)]).toEqual([]);
      },
    );
  });
});

describe("before there is a connection", () => {
  test("a name that is being resolved", async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    const resolver = {
      resolve(_host: string, _family: number, signal: AbortSignal) {
        asked.resolve(signal);
        return new Promise<never>(() => undefined);
      },
    };
    const giveUp = new AbortController();
    const answered = request("http://name.example/", { resolver, signal: giveUp.signal });
    const lookup = await asked.promise;
    giveUp.abort(reason);
    await expect(answered).rejects.toBe(reason);
    expect(lookup.aborted).toBe(true);
  });

  test("a TLS handshake that nobody answers", async () => {
    const watch = watchResources();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const giveUp = new AbortController();
    const asked = request(`https://127.0.0.1:${port}/`, { signal: giveUp.signal });
    asked.catch(() => undefined);
    const [socket] = (await once(server, "connection")) as [Socket];
    socket.on("error", () => undefined).resume();
    const closed = once(socket, "close");
    giveUp.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await withDeadline(closed, "the end of the connection");
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await watch.settled();
  });

  test("a request that waits for a connection, and the others go on", async () => {
    const held: (() => void)[] = [];
    await using peer = await startPeer((_, outgoing) => {
      held.push(() => outgoing.end("ok"));
      if (held.length > 1) outgoing.end("ok");
    });
    await using client = createHttpClient({ maxSessionsPerOrigin: 1 });
    const url = `${peer.origin}/`;
    const first = client.request(url);
    const giveUp = new AbortController();
    const second = client.request(url, { signal: giveUp.signal });
    const third = client.request(url);
    giveUp.abort(reason);
    await expect(second).rejects.toBe(reason);
    await withDeadline(
      (async () => {
        while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
      })(),
      "the first request",
    );
    held[0]?.();
    expect(await (await first).text()).toBe("ok");
    expect(await (await third).text()).toBe("ok");
    expect(held.length).toBe(2);
  });
});
