import { connectRaw, withDeadline } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { hostileListener } from "./hostile-listener.ts";
import {
  frame,
  frameType,
  headers,
  preface,
  requestFields,
  setting,
  settings,
  windowUpdate,
} from "./http2-frames.ts";

test.each([
  ["PING", frame(frameType.ping, 0, 0, Buffer.alloc(8))],
  ["SETTINGS", settings({ [setting.initialWindowSize]: 65_535 })],
  ["WINDOW_UPDATE", windowUpdate(0, 1)],
])("a flood of %s by a client that reads nothing ends with its connection", async (_, flood) => {
  await using place = await hostileListener({
    // Some versions of node read no further than their client does: then these end it.
    writeIdleTimeoutMs: 400,
    keepAliveTimeoutMs: 600,
    handler: (exchange) => exchange.respond(200, {}, Buffer.alloc(50_000_000)),
  });
  await using socket = await connectRaw({ port: place.port, reading: false });
  // What it does not read first fills all that is between, so that not even GOAWAY gets through.
  const wide = settings({ [setting.initialWindowSize]: 2 ** 31 - 1 });
  const open = windowUpdate(0, 2 ** 29);
  await socket.write(Buffer.concat([preface, wide, open, headers(1, requestFields("/large"))]));
  const flooding = (async () => {
    const piece = Buffer.concat(Array(10_000).fill(flood));
    for (;;) await socket.write(piece);
  })();
  flooding.catch(() => undefined);
  await place.neighboursAreServed();
  await expect.poll(() => place.served).toEqual(["GET /large"]);
  const over = () => [...place.listener.sessions()].every(({ protocol }) => protocol !== "h2");
  await expect.poll(over, { timeout: 9_000 }).toBe(true);
  socket.resume();
  await expect(withDeadline(flooding, "the end of the flood")).rejects.toThrow();
});
