import { expect, test } from "vitest";
import { EventFeed, eventQueueLength, streamErrors } from "../src/index.ts";

type Event =
  | { type: "tick"; n: number }
  | { type: "overflow"; dropped: number }
  | { type: "closed" };

async function all(source: AsyncIterable<Event>): Promise<Event[]> {
  const seen: Event[] = [];
  for await (const event of source) seen.push(event);
  return seen;
}

test("a reader gets what happens from its call on, until the last event", async () => {
  const feed = new EventFeed<Event>();
  feed.emit({ type: "tick", n: 0 });
  const reading = all(feed.read());
  feed.emit({ type: "tick", n: 1 });
  feed.end({ type: "closed" });
  expect(await reading).toEqual([{ type: "tick", n: 1 }, { type: "closed" }]);
  expect(await all(feed.read())).toEqual([{ type: "closed" }]);
});

test("a slow reader loses the oldest, is told how many, and still gets the last", async () => {
  const feed = new EventFeed<Event>();
  const slow = feed.read();
  for (let n = 0; n < eventQueueLength + 10; n++) feed.emit({ type: "tick", n });
  feed.end({ type: "closed" });
  const seen = await all(slow);
  expect(seen[0]).toEqual({ type: "overflow", dropped: 11 });
  expect(seen[1]).toEqual({ type: "tick", n: 11 });
  expect(seen.length).toBe(1 + eventQueueLength);
  expect(seen.at(-1)).toEqual({ type: "closed" });
});

test("each reader has a queue of its own; one that leaves costs nothing more", async () => {
  const feed = new EventFeed<Event>();
  const first = feed.read()[Symbol.asyncIterator]();
  const next = first.next();
  const second = all(feed.read());
  feed.emit({ type: "tick", n: 1 });
  expect((await next).value).toEqual({ type: "tick", n: 1 });
  await first.return?.();
  feed.emit({ type: "tick", n: 2 });
  feed.end({ type: "closed" });
  expect((await second).map(({ type }) => type)).toEqual(["tick", "tick", "closed"]);
});

test("what one call gave is read in one loop; a second is refused (KING_STREAM_BUSY)", async () => {
  const feed = new EventFeed<Event>();
  const events = feed.read();
  feed.emit({ type: "tick", n: 1 });
  for await (const event of events) {
    expect(event).toEqual({ type: "tick", n: 1 });
    break;
  }
  const busy = await all(events).catch((error: unknown) => error);
  expect(streamErrors.is(busy, "KING_STREAM_BUSY")).toBe(true);
  feed.end({ type: "closed" });
  expect(await all(feed.read())).toEqual([{ type: "closed" }]);
});
