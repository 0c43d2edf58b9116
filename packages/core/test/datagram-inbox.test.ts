import { expect, test } from "vitest";
import { DatagramInbox } from "../src/index.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (datagram: Uint8Array | undefined) => new TextDecoder().decode(datagram);

test("holds so many datagrams for a slow reader, and the oldest give way", async () => {
  const inbox = new DatagramInbox(3);
  for (const each of ["a", "b", "c", "d", "e"]) inbox.push(bytes(each));
  expect([inbox.received, inbox.dropped]).toEqual([5, 2]);
  inbox.end();
  const read: string[] = [];
  for await (const datagram of inbox.read()) read.push(text(datagram));
  expect(read).toEqual(["c", "d", "e"]);
});

test("gives what comes to a reader that waits, and drops what comes after the end", async () => {
  const inbox = new DatagramInbox(3);
  const reader = inbox.read();
  const first = reader.next();
  inbox.push(bytes("a"));
  expect(text((await first).value)).toBe("a");
  const second = reader.next();
  inbox.end();
  expect((await second).done).toBe(true);
  inbox.push(bytes("late"));
  expect([inbox.received, inbox.dropped]).toEqual([2, 1]);
});

test("has one loop at a time (KING_STREAM_BUSY), and another when it is left", async () => {
  const inbox = new DatagramInbox(3);
  inbox.push(bytes("a"));
  const unread = inbox.read();
  await unread.return(undefined);
  for await (const datagram of inbox.read()) {
    expect(text(datagram)).toBe("a");
    await expect(inbox.read().next()).rejects.toMatchObject({ code: "KING_STREAM_BUSY" });
    break;
  }
  inbox.push(bytes("b"));
  expect(text((await inbox.read().next()).value)).toBe("b");
});
