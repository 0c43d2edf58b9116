import type { QuicEngine, Stream } from "@king-runtime/core";
import { quicErrors } from "@king-runtime/quic";
import { makeCertificates, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { listenHttp, openHttpSession, request } from "../../src/index.ts";
import { engineNames, needEngine, openEngine } from "./engines.ts";

const { ca, leaf } = await makeCertificates();

describe.each(["memory", ...engineNames] as const)("over %s", (name) => {
  test("a listener that closes leaves upgraded streams to their owners, and its port with the last", async (context) => {
    const engine = await needEngine(context, name);
    const upgraded = Promise.withResolvers<Stream>();
    const listener = await listenHttp({
      tls: leaf,
      quic: { engine },
      handler(exchange) {
        if (exchange.upgrade === undefined) exchange.respond(404);
        else upgraded.resolve(exchange.upgrade.accept());
      },
    });
    const origin = `https://localhost:${listener.local.port}`;
    const session = await openHttpSession(origin, {
      tls: { ca },
      quic: { engine },
      protocols: ["h3"],
    });
    const { stream } = await session.upgrade({ protocol: "websocket" });
    const owned = await upgraded.promise;
    await withDeadline(listener.close(), "close()");
    expect([listener.state, owned.state]).toEqual(["closed", "open"]);
    const source = stream[Symbol.asyncIterator]();
    await owned.write(Buffer.from("still here"));
    expect(Buffer.from((await source.next()).value as Uint8Array).toString()).toBe("still here");
    await stream.end();
    for await (const _ of owned);
    await owned.end();
    expect((await source.next()).done).toBe(true);
    await withDeadline(session.closed, "the end of the connection");
  });
});

test.each([
  ["tries other ports where any would do", 3, "open"],
  ["gives up when five are taken", 5, "KING_QUIC_LISTEN"],
])("a listener whose port is taken for UDP %s", async (_, taken, outcome) => {
  const engine = await openEngine("memory");
  const ports = new Set<number>();
  const crowded: QuicEngine = {
    ...engine,
    async listen(options) {
      ports.add(options.local.port);
      if (ports.size > taken) return engine.listen(options);
      const { address, port } = options.local;
      throw quicErrors.create("KING_QUIC_LISTEN", "expected to listen, got EADDRINUSE", {
        address,
        port,
      });
    },
  };
  const listening = listenHttp({
    tls: leaf,
    quic: { engine: crowded },
    handler: (exchange) => exchange.respond(200, {}, "ok"),
  });
  if (outcome !== "open") {
    await expect(listening).rejects.toMatchObject({ code: outcome });
    expect(ports.size).toBe(5);
    return;
  }
  await using listener = await listening;
  expect(ports.size).toBe(taken + 1);
  expect([...ports].at(-1)).toBe(listener.local.port);
  const options = { tls: { ca }, protocols: ["h2"] as const };
  const response = await request(`https://localhost:${listener.local.port}/`, options);
  expect(await response.text()).toBe("ok");
});
