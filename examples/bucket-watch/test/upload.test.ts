import { readdir } from "node:fs/promises";
import { connectRaw } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { startServer, uploadTo, watchBucket } from "./started-server.ts";

/** Files below the store's folder that hold an object or part of one. */
async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

/** A server whose store is empty, and the files that an empty store has. */
async function startEmpty(...options: Parameters<typeof startServer>) {
  const server = await startServer(...options);
  const { origin, store, listener, folder, realtime, errors } = server;
  return { origin, store, listener, folder, realtime, errors, empty: await files(folder.path) };
}

test("an upload is stored, answered, and told to the watchers of its bucket alone", async () => {
  const { origin, store } = await startServer();
  const [inbox, other] = await Promise.all([watchBucket(origin), watchBucket(origin, "other")]);
  const response = await uploadTo(origin, "bucket=inbox&object=demo.txt", "x".repeat(1_234), {
    "content-type": "text/plain",
  });
  expect(response.status).toBe(202);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.text()).toBe('{"stored":true,"key":"inbox/demo.txt"}');
  expect(await inbox.events.take(2)).toEqual([
    { event: "subscribed", bucket: "inbox" },
    {
      event: "object.available",
      bucket: "inbox",
      object_id: "demo.txt",
      content_type: "text/plain",
      size: 1_234,
    },
  ]);
  expect(await store.head("inbox/demo.txt")).toMatchObject({ size: 1_234 });
  // The other bucket hears of its own object first.
  await uploadTo(origin, "bucket=other&object=a", "x");
  expect(await other.events.take(2)).toMatchObject([{ bucket: "other" }, { object_id: "a" }]);
});

test("an event comes after its object can be read, each time", async () => {
  const { origin } = await startServer();
  const { socket } = await watchBucket(origin);
  const readable: Promise<number>[] = [];
  const all = new Promise<void>((resolve) =>
    socket.on("message", (data) => {
      const { object_id } = JSON.parse(String(data)) as { object_id: string };
      readable.push(fetch(`${origin}/objects/inbox/${object_id}`).then(({ status }) => status));
      if (readable.length === 20) resolve();
    }),
  );
  await Promise.all(Array.from({ length: 20 }, (_, i) => uploadTo(origin, `object=o${i}`, "x")));
  await all;
  expect(new Set(await Promise.all(readable))).toEqual(new Set([200]));
});

test.each([
  ["nothing", "", "inbox/upload.bin"],
  ["a bucket alone", "bucket=b", "b/upload.bin"],
  ["an object alone", "object=o", "inbox/o"],
  ["an object in folders", "object=a/b%2Fc.txt", "inbox/a/b/c.txt"],
  ["spaces and other scripts", "bucket=%C3%A9t%C3%A9&object=a+b%20c", "été/a b c"],
])("%s is stored under its name or the default", async (_, query, key) => {
  const { origin, store } = await startServer();
  const response = await uploadTo(origin, query, "x");
  expect(await response.json()).toEqual({ stored: true, key });
  expect(await store.head(key)).toMatchObject({ size: 1 });
});

const long = "x".repeat(1_025);
test.each([
  ["an empty bucket", "bucket=&object=o"],
  ["an empty object", "bucket=b&object="],
  ["a bucket that climbs", "bucket=..&object=o"],
  ["an object that climbs", "bucket=b&object=../../etc/passwd"],
  ["an object that climbs in the middle", "bucket=b&object=a/%2e%2e/c"],
  ["a bucket that is a dot", "bucket=.&object=o"],
  ["a bucket with a slash", "bucket=a/b&object=o"],
  ["an object with an empty segment", "bucket=b&object=a//b"],
  ["an object that ends in a slash", "bucket=b&object=a/"],
  ["an absolute object", "bucket=b&object=/etc/passwd"],
  ["NUL in a bucket", "bucket=a%00b&object=o"],
  ["NUL in an object", "bucket=b&object=a%00b"],
  ["a line break", "bucket=b&object=a%0d%0ab"],
  ["a bucket of 1,025 bytes", `bucket=${long}&object=o`],
  ["an object of 1,025 bytes", `bucket=b&object=${long}`],
  ["an object that is too long for its key", `bucket=bb&object=${"x".repeat(1_023)}`],
  ["what is not UTF-8", "bucket=b&object=%ff"],
  ["what is not percent-encoded", "bucket=b&object=%zz"],
  ["an object given twice", "object=a&object=b"],
])("%s is refused with a problem, and nothing is written", async (_, query) => {
  const { origin, folder, empty, realtime } = await startEmpty();
  const response = await uploadTo(origin, query, "body");
  expect(response.status).toBe(400);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await response.json()).toMatchObject({
    type: "about:blank",
    title: "Bad Request",
    status: 400,
    detail: expect.any(String),
  });
  expect(await files(folder.path)).toEqual(empty);
  expect(realtime.stats().channels).toBe(0);
});

test("the content type is the uploader's word, else by the name, never a form's", async () => {
  const { origin, store } = await startServer();
  const stored = async (object: string, headers: Record<string, string>) => {
    await uploadTo(origin, `object=${object}`, new Uint8Array(1), headers);
    return (await store.head(`inbox/${object}`))?.contentType;
  };
  expect(await stored("a.txt", { "content-type": "image/png" })).toBe("image/png");
  expect(await stored("b.txt", {})).toBe("text/plain");
  expect(await stored("c.PNG", { "content-type": "application/x-www-form-urlencoded" })).toBe(
    "image/png",
  );
  expect(await stored("d", {})).toBe("application/octet-stream");
  const refused = await uploadTo(origin, "object=e", "x", { "content-type": "nonsense" });
  expect(refused.status).toBe(400);
});

test("pages of other origins may not upload, its own page and programs may", async () => {
  const { origin } = await startServer();
  const status = async (from: string | undefined) =>
    (await uploadTo(origin, "", "x", from === undefined ? {} : { origin: from })).status;
  expect(await status("https://evil.example")).toBe(403);
  expect(await status("null")).toBe(403);
  expect(await status(origin)).toBe(202);
  expect(await status(undefined)).toBe(202);
});

test("a body announced over the limit is answered 413 and leaves no file", async () => {
  const { origin, folder, empty } = await startEmpty({ http: { maxBodyBytes: 100_000 } });
  const response = await uploadTo(origin, "object=large", "x".repeat(100_001));
  expect(response.status).toBe(413);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(await files(folder.path)).toEqual(empty);
});

test("a body that grows over the limit is answered 413 and leaves no file", async () => {
  const { listener, origin, folder, empty } = await startEmpty({ http: { maxBodyBytes: 100_000 } });
  const { events } = await watchBucket(origin);
  await using socket = await connectRaw({ port: listener.local.port });
  await socket.write(
    "POST /upload?object=large HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  const chunk = "x".repeat(40_000);
  for (let i = 0; i < 3; i++) await socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  expect(await socket.readUntil("\r\n\r\n")).toMatch(
    /^HTTP\/1\.1 413 .*application\/problem\+json/is,
  );
  expect(await files(folder.path)).toEqual(empty);
  // The next event is of another upload: there was none of this one.
  await uploadTo(origin, "object=small", "x");
  expect(await events.take(2)).toMatchObject([{}, { object_id: "small" }]);
});

test.each([["resets"], ["ends"]])(
  "a client that %s in the middle of its upload leaves no object, no file and no event",
  async (how) => {
    const { listener, origin, folder, empty, store, errors } = await startEmpty();
    const { events } = await watchBucket(origin);
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write(
      "POST /upload?object=half HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500000\r\n\r\n",
    );
    await socket.write("x".repeat(300_000));
    await expect.poll(() => store.stats().reservedBytes).toBeGreaterThan(0);
    if (how === "resets") socket.reset();
    else await socket[Symbol.asyncDispose]();
    await expect.poll(() => store.stats().openPuts).toBe(0);
    expect(await store.head("inbox/half")).toBeUndefined();
    expect(store.stats()).toMatchObject({ objects: 0, reservedBytes: 0 });
    expect(await files(folder.path)).toEqual(empty);
    await uploadTo(origin, "object=whole", "x");
    expect(await events.take(2)).toMatchObject([{}, { object_id: "whole" }]);
    // What a client does is no fault of ours.
    expect(errors.values).toEqual([]);
  },
);

test("an upload that takes its time does not hold up others", async () => {
  const { listener, origin } = await startServer();
  await using slow = await connectRaw({ port: listener.local.port });
  await slow.write(
    "POST /upload?object=slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nfirst",
  );
  for (let i = 0; i < 5; i++)
    expect((await uploadTo(origin, `object=q${i}`, "x")).status).toBe(202);
  await slow.write("after");
  expect(await slow.readUntil("\r\n")).toContain("202");
});

test("beyond the quota 507, nothing stored, and what fits still goes in", async () => {
  const { origin, store } = await startServer({ objectstore: { maxBytes: 10_000 } });
  const { events } = await watchBucket(origin);
  expect((await uploadTo(origin, "object=a", "x".repeat(6_000))).status).toBe(202);
  const refused = await uploadTo(origin, "object=b", "x".repeat(6_000));
  expect(refused.status).toBe(507);
  expect(await refused.json()).toMatchObject({
    status: 507,
    detail: "the store's quota is used up",
    code: "KING_OBJECTSTORE_QUOTA",
  });
  expect(store.stats()).toMatchObject({ objects: 1, reservedBytes: 0 });
  expect((await uploadTo(origin, "object=c", "x".repeat(3_000))).status).toBe(202);
  expect(await events.take(3)).toMatchObject([{}, { object_id: "a" }, { object_id: "c" }]);
});
