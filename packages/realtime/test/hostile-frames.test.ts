import { recorder } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import type { Connection, Message } from "../src/index.ts";
import { carriers, openCarried } from "./carriers.ts";
import { clientFrame } from "./endpoint.ts";

const join = (...frames: Uint8Array[]) => Buffer.concat(frames);
const closeFrame = (code: number, reason = "") =>
  clientFrame(0x88, join(Buffer.from([code >> 8, code & 255]), Buffer.from(reason)));

const faults: [fault: string, bytes: Buffer, code: number][] = [
  ["a message over maxMessageBytes", clientFrame(0x82, Buffer.alloc(2_000)), 1009],
  [
    "fragments over maxMessageBytes",
    join(clientFrame(0x02, Buffer.alloc(800)), clientFrame(0x80, Buffer.alloc(800))),
    1009,
  ],
  [
    "a message that says it is larger than memory",
    Buffer.from(`82ff${"7f".repeat(8)}00000000`, "hex"),
    1009,
  ],
  ["text that is not UTF-8", clientFrame(0x81, Buffer.from([0xc3, 0x28])), 1007],
  [
    "text whose last character is cut",
    join(clientFrame(0x01, "a"), clientFrame(0x80, Buffer.from([0xe2, 0x82]))),
    1007,
  ],
  ["an unmasked frame", Buffer.from([0x81, 0x01, 0x61]), 1002],
  ["an unknown opcode", clientFrame(0x83, "x"), 1002],
  ["an unknown control opcode", clientFrame(0x8b, "x"), 1002],
  ["a continuation of nothing", clientFrame(0x80, "x"), 1002],
  ["a message within a message", join(clientFrame(0x01, "x"), clientFrame(0x81, "y")), 1002],
  ["reserved bit 1", clientFrame(0xc1, "x"), 1002],
  ["reserved bit 2", clientFrame(0xa1, "x"), 1002],
  ["reserved bit 3", clientFrame(0x91, "x"), 1002],
  ["a ping of 126 bytes", clientFrame(0x89, Buffer.alloc(126)), 1002],
  ["a ping in fragments", clientFrame(0x09, "x"), 1002],
  ["a close in fragments", clientFrame(0x08, Buffer.from([0x03, 0xe8])), 1002],
  ["a close of one byte", clientFrame(0x88, Buffer.from([3])), 1002],
  ["a close whose reason is not UTF-8", clientFrame(0x88, Buffer.from([3, 0xe8, 0xff])), 1007],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
    (code): [string, Buffer, number] => [`the close code ${code}`, closeFrame(code), 1002],
  ),
];

describe.each(carriers)("RFC 6455 over %s:", (carrier) => {
  test("what no client may send closes with its code, and other connections go on", async (context) => {
    const place = await openCarried(carrier, context, {
      maxMessageBytes: 1_000,
      handle: () => ({
        onMessage: (connection, message) => void connection.send(message),
      }),
    });
    const neighbour = await place.connect();
    const seen: (readonly [string, number])[] = [];
    for (const [index, [fault, bytes]] of faults.entries()) {
      const raw = await place.raw();
      const connection = (await place.opened.take(index + 2)).at(-1) as Connection;
      await raw.write(bytes);
      const frame = await raw.readBytes(4);
      seen.push([fault, frame.readUInt16BE(2)]);
      expect([fault, frame[0]]).toEqual([fault, 0x88]);
      await raw.stream.end();
      expect(await connection.closed).toMatchObject({ by: "local", clean: false });
    }
    expect(seen).toEqual(faults.map(([fault, , code]) => [fault, code]));
    neighbour.send("still here");
    expect((await neighbour[Symbol.asyncIterator]().next()).value).toBe("still here");
    expect(place.realtime.stats().connections).toBe(1);
  });

  test("text that is split within a character, byte by byte, is whole", async (context) => {
    const received = recorder<Message>();
    const place = await openCarried(carrier, context, {
      handle: () => ({ onMessage: (_, message) => received.record(message) }),
    });
    const raw = await place.raw();
    const [euro, kiss] = [Buffer.from("€"), Buffer.from("😘")];
    const frames = join(
      clientFrame(0x01, euro.subarray(0, 1)),
      clientFrame(0x89, "between"),
      clientFrame(0x00, join(euro.subarray(1), kiss.subarray(0, 2))),
      clientFrame(0x80, kiss.subarray(2)),
    );
    for (const byte of frames) await raw.write(Buffer.of(byte));
    expect(await received.take(1)).toEqual(["€😘"]);
    expect((await raw.readBytes(9)).subarray(2).toString()).toBe("between");
  });

  test("an end without a close is told from one with it", async (context) => {
    const place = await openCarried(carrier, context);
    const [first, second] = [await place.raw(), await place.raw()];
    const [one, two] = (await place.opened.take(2)) as [Connection, Connection];
    await first.stream.end();
    expect(await one.closed).toMatchObject({ by: "network", clean: false, code: 1006 });
    await second.write(clientFrame(0x88, ""));
    expect(await second.readBytes(2)).toEqual(Buffer.from([0x88, 0]));
    await second.stream.end();
    expect(await two.closed).toMatchObject({ by: "peer", clean: true, code: 1005 });
    expect(await second.readToEnd()).toHaveLength(0);
  });
});
