import type { Stream } from "@king-runtime/core";
import { makeCertificates, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { listenHttp, openHttpSession } from "../../src/index.ts";
import { engineNames, needEngine } from "./engines.ts";

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
