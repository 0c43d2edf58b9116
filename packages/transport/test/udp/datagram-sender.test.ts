import { expect, test } from "vitest";
import { DatagramSender } from "../../src/udp/datagram-sender.ts";

/** A system that takes datagrams when it is told to. */
function slowSystem(limitBytes = 200_000) {
  const waiting: ((error: Error | null) => void)[] = [];
  const sender = new DatagramSender((_, done) => waiting.push(done), limitBytes);
  return { sender, take: (error: Error | null = null) => waiting.shift()?.(error) };
}

const datagram = new Uint8Array(50_000);

test("has a sender wait while 64 KiB wait for the system, and go on when they do not", async () => {
  const { sender, take } = slowSystem();
  expect(sender.send(datagram)).toBeUndefined();
  const room = sender.send(datagram);
  let has = false;
  room?.then(() => {
    has = true;
  });
  await new Promise(setImmediate);
  expect(has).toBe(false);
  take();
  await room;
  expect([sender.sent, sender.sentBytes, sender.queued]).toEqual([1, 50_000, 1]);
});

test("refuses what does not wait once the limit is reached, whatever its size", () => {
  const { sender, take } = slowSystem();
  for (let i = 0; i < 4; i++) sender.send(datagram);
  const full = expect.objectContaining({
    code: "KING_STREAM_BUFFER_FULL",
    details: { limitBytes: 200_000 },
  });
  expect(() => sender.send(new Uint8Array(1))).toThrow(full);
  take();
  sender.send(datagram);
  expect(sender.queuedBytes).toBe(200_000);
});

test("fails whoever waits when it ends, and tells once everything is taken", async () => {
  const { sender, take } = slowSystem();
  sender.send(datagram);
  const room = sender.send(datagram);
  let idle = 0;
  sender.whenIdle(() => idle++);
  take();
  expect(idle).toBe(0);
  take(new Error("no way"));
  expect([idle, sender.failed]).toEqual([1, 1]);
  await room;
  sender.send(datagram);
  const never = sender.send(datagram);
  const reason = new Error("over");
  sender.end(reason);
  await expect(never).rejects.toBe(reason);
});

test("counts nothing that could not be handed over at all", () => {
  const failure = new Error("no such port");
  const sender = new DatagramSender(() => {
    throw failure;
  }, 65_536);
  expect(() => sender.send(new Uint8Array(10))).toThrow(failure);
  expect([sender.queued, sender.queuedBytes]).toEqual([0, 0]);
});
