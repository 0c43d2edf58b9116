import { KingError } from "@king-runtime/core";
import { expect, test } from "vitest";
import { startServer, uploadTo, watchBucket } from "./started-server.ts";

const longest = 1_022;

test.each([
  ["realtime.maxChannelNameBytes", 1_028, { realtime: { maxChannelNameBytes: 10 } }],
  ["realtime.maxSendBufferBytes", 2_657, { realtime: { maxSendBufferBytes: 1_024 } }],
])("refuses to start when %s is below what an upload may need", async (key, least, overrides) => {
  const error = await startServer(overrides).catch((cause: unknown) => cause);
  expect(KingError.is(error, "KING_CONFIG_INVALID")).toBe(true);
  const { message } = error as KingError;
  expect(message).toContain(`${key}: expected at least `);
  const [, stated] = /at least (\d+)/.exec(message) ?? [];
  expect(Number(stated)).toBeGreaterThanOrEqual(least);
});

test("at the least settings the longest names are stored, answered and announced", async () => {
  const least = async (key: "maxChannelNameBytes" | "maxSendBufferBytes", low: number) => {
    const error = await startServer({ realtime: { [key]: low } }).catch((cause: unknown) => cause);
    return Number(/at least (\d+)/.exec((error as Error).message)?.[1]);
  };
  const { origin } = await startServer({
    realtime: {
      maxChannelNameBytes: await least("maxChannelNameBytes", 10),
      maxSendBufferBytes: await least("maxSendBufferBytes", 1_024),
    },
  });
  // Each of these characters takes two bytes in an event.
  const quotes = '"'.repeat(longest);
  const names = [
    { bucket: "b", object: quotes },
    { bucket: quotes, object: "o" },
  ];
  for (const { bucket, object } of names) {
    const { events } = await watchBucket(origin, bucket);
    const query = new URLSearchParams({ bucket, object }).toString();
    const contentType = `a/b;${'"'.repeat(251)}`;
    const response = await uploadTo(origin, query, "x", { "content-type": contentType });
    expect(response.status).toBe(202);
    expect((await events.take(2))[1]).toMatchObject({
      bucket,
      object_id: object,
      content_type: contentType,
    });
  }
});

test("shorter keys need less", async () => {
  const { origin } = await startServer({
    objectstore: { maxKeyBytes: 12 },
    realtime: { maxChannelNameBytes: 17, maxSendBufferBytes: 1_024 },
  });
  const { events } = await watchBucket(origin, "0123456789");
  expect((await uploadTo(origin, "bucket=0123456789&object=o", "x")).status).toBe(202);
  expect(await events.take(2)).toMatchObject([{}, { object_id: "o" }]);
  const refused = await uploadTo(origin, "bucket=0123456789&object=oo", "x");
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    detail: expect.stringContaining("at most 12 bytes"),
  });
  // No object could be in such a bucket.
  for (const path of ["/watch?bucket=", "/objects/"]) {
    const { status } = await fetch(`${origin}${path}${"b".repeat(100)}`);
    expect([path, status]).toEqual([path, 400]);
  }
});

test("a key of 1,024 bytes is stored, one more is refused saying what counts", async () => {
  const { origin } = await startServer();
  const object = (bytes: number) => `bucket=b&object=${"x".repeat(bytes)}`;
  expect((await uploadTo(origin, object(1_022), "x")).status).toBe(202);
  const refused = await uploadTo(origin, object(1_024), "x");
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    detail: "expected bucket, slash and object to have at most 1024 bytes together, got 1026",
  });
});

test("a media type with a tab before its parameter is stored with a space", async () => {
  const { origin, store } = await startServer();
  const headers = { "content-type": "text/plain;\tcharset=utf-8" };
  expect((await uploadTo(origin, "object=o", "x", headers)).status).toBe(202);
  expect(await store.head("inbox/o")).toMatchObject({ contentType: "text/plain; charset=utf-8" });
});
