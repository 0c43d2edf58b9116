import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { exchangeSource } from "../exchange-harness.ts";
import { hostileListener } from "./hostile-listener.ts";
import {
  data,
  errorCode,
  flag,
  frameType,
  headers,
  requestFields,
  setting,
  windowUpdate,
} from "./http2-frames.ts";
import { openHttp2 } from "./http2-peer.ts";

describe("windows that hold a response back (RFC 9113, 6.9)", () => {
  async function stalled(initialWindowSize: number) {
    const source = await exchangeSource({ writeIdleTimeoutMs: 100, maxWriteBufferBytes: 65_536 });
    const peer = await openHttp2({
      port: source.listener.local.port,
      settings: { [setting.initialWindowSize]: initialWindowSize },
    });
    return {
      source,
      peer,
      async [Symbol.asyncDispose]() {
        await peer[Symbol.asyncDispose]();
        await source[Symbol.asyncDispose]();
      },
    };
  }

  test.each([
    ["of 0, a small response", 0, 10],
    ["of 0, a large response", 0, 10_000_000],
    ["of 1, a large response", 1, 10_000_000],
  ])("%s is cut by writeIdleTimeoutMs", async (_, window, bytes) => {
    await using place = await stalled(window);
    await place.peer.send(headers(1, requestFields()));
    const exchange = await place.source.next();
    exchange.respond(200, {}, Buffer.alloc(bytes));
    const reset = await place.peer.next(frameType.resetStream, 1);
    expect(reset.payload.readUInt32BE()).toBe(errorCode.cancel);
    expect((await exchange.closed).clean).toBe(false);
    await place.peer.send(headers(3, requestFields()), windowUpdate(3, 100));
    (await place.source.next()).respond(204);
    expect(await place.peer.status(3)).toBe(204);
  });

  test("opened byte by byte are no progress", async () => {
    await using place = await stalled(0);
    await place.peer.send(headers(1, requestFields()));
    const exchange = await place.source.next();
    exchange.respond(200, {}, Buffer.alloc(100_000));
    let dripping = true;
    const drip = (async () => {
      while (dripping) {
        await place.peer.send(windowUpdate(1, 1)).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    expect((await withDeadline(exchange.closed, "the cut")).clean).toBe(false);
    dripping = false;
    await drip;
  });

  test("bound what a writer that does not wait can queue", async () => {
    await using place = await stalled(0);
    await place.peer.send(headers(1, requestFields()));
    const exchange = await place.source.next();
    exchange.respond(200);
    const write = () => {
      for (let i = 0; i < 100; i++) void exchange.write(new Uint8Array(16_384));
    };
    expect(write).toThrow(expect.objectContaining({ code: "KING_STREAM_BUFFER_FULL" }));
  });
});

describe("a client that is slow on purpose over HTTP/2", () => {
  const short = { keepAliveTimeoutMs: 100, headersTimeoutMs: 100 };
  test.each([
    ["with a header block that does not end", [headers(1, requestFields(), 0)]],
    ["within a frame's head", [Buffer.from([0, 0, 5])]],
    ["after a request", [headers(1, requestFields())]],
    ["with nothing at all", []],
  ])("%s is ended with its connection by keepAliveTimeoutMs", async (_, frames) => {
    await using place = await hostileListener(short);
    await using peer = await openHttp2({ port: place.port });
    if (frames.length > 0) await peer.send(...frames);
    await withDeadline(peer.socket.ended, "the end of the connection");
    expect(place.listener.stats().streamsActive).toBe(0);
  });

  test("with its body byte by byte is answered 408", async () => {
    await using place = await hostileListener({ requestTimeoutMs: 200 });
    await using peer = await openHttp2({ port: place.port });
    await peer.send(headers(1, requestFields("/attack", "POST"), flag.endHeaders));
    let dripping = true;
    const drip = (async () => {
      while (dripping) {
        await peer.send(data(1, "x")).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    expect(await peer.status(1)).toBe(408);
    dripping = false;
    await drip;
    await place.neighboursAreServed();
  });
});
