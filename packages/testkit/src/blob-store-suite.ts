import { createHash } from "node:crypto";
import {
  type BlobInfo,
  type BlobSource,
  type BlobStore,
  type ByteRange,
  type ErrorCategory,
  KingError,
} from "@king-runtime/core";
import { describe, expect, test } from "vitest";

/** What {@link testBlobStore} runs on. */
export interface BlobStoreSubject {
  /** For the heading of the tests. */
  readonly name: string;
  /** Opens an empty store, for one test; disposing it removes what it kept. */
  open(): Promise<{ readonly store: BlobStore } & AsyncDisposable>;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** The whole body of a blob. @throws Error when there is no such blob. */
export async function readBlob(
  store: BlobStore,
  key: string,
  range?: ByteRange,
): Promise<Uint8Array> {
  await using blob = await store.get(key, range === undefined ? {} : { range });
  if (blob === undefined) throw new Error(`there is no blob ${JSON.stringify(key)}`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of blob.body) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/** Every key of a listing, page by page. */
export async function listKeys(
  store: BlobStore,
  options: { prefix?: string; limit?: number } = {},
): Promise<string[]> {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ ...options, ...(cursor === undefined ? {} : { cursor }) });
    keys.push(...page.items.map(({ key }) => key));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return keys;
}

/** Keys that every store refuses, with the reason. */
export const hostileKeys: readonly (readonly [reason: string, key: unknown])[] = [
  ["the empty key", ""],
  ["a leading slash", "/a"],
  ["a trailing slash", "a/"],
  ["an empty segment", "a//b"],
  ["a lone slash", "/"],
  ["the segment .", "a/./b"],
  ["the key .", "."],
  ["the segment ..", "a/../b"],
  ["the key ..", ".."],
  ["a way out of the root", "../../etc/passwd"],
  ["NUL", "a\0b"],
  ["a line feed", "a\nb"],
  ["DEL", "a\u007fb"],
  ["a C1 control", "a\u0085b"],
  ["a lone high surrogate", "a\ud800b"],
  ["a lone low surrogate", "a\udc00b"],
  ["1,025 bytes", "a".repeat(1_025)],
  ["1,026 bytes in 513 characters", "é".repeat(513)],
  ["a number", 7],
  ["undefined", undefined],
  ["an object", { toString: () => "a" }],
];

/** Keys that stay apart from each other in every store. */
export const trickyKeys: readonly string[] = [
  "a",
  "a/b",
  "a/b/c",
  "a-b",
  "a.b",
  "a0",
  "A",
  "A/b",
  "%61",
  "a.o",
  "a.d",
  "a.d/b.o",
  "a.o/b",
  "...",
  ".hidden",
  "..a",
  "con",
  "aux.txt",
  "trailing.",
  "trailing ",
  " ",
  "~",
  "*?<>|:\"\\'",
  "\\..\\..\\a",
  "C:\\a",
  "__proto__",
  "__proto__/constructor",
  "constructor",
  "é",
  "e\u0301",
  "ß",
  "SS",
  "日本語/ファイル",
  "😀",
  "\ufffd",
  "%2e%2e/%2e%2e",
  "s".repeat(79),
  "s".repeat(80),
  "s".repeat(81),
  `${"s".repeat(80)}/t`,
  `${"s".repeat(80)}-t`,
  "L".repeat(255),
  "L".repeat(256),
  "x".repeat(191),
  "x".repeat(192),
  "x".repeat(193),
  `${"x".repeat(192)}y`,
  `${"x".repeat(192)}/y`,
  "z".repeat(1_024),
  "Z".repeat(1_024),
  "é".repeat(512),
  `${"d/".repeat(511)}dd`,
];

/**
 * The contract of `BlobStore`, whoever implements it. A store that promises more (durability, a quota)
 * proves that itself.
 */
export function testBlobStore(subject: BlobStoreSubject): void {
  const withStore = (work: (store: BlobStore) => Promise<void>) => async () => {
    await using opened = await subject.open();
    await work(opened.store);
  };

  const expectCategory = async (work: Promise<unknown>, category: ErrorCategory) => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(KingError.is(error), String(error)).toBe(true);
    expect((error as KingError).category).toBe(category);
  };

  describe(`BlobStore contract of ${subject.name}`, () => {
    const content = bytes("the quick brown fox");
    const sources: readonly (readonly [string, () => BlobSource])[] = [
      ["a Uint8Array", () => content],
      ["a Buffer", () => Buffer.from(content)],
      ["an array of chunks", () => [content.subarray(0, 4), content.subarray(4)]],
      ["a generator", () => each(content, 3)],
      ["an async generator", () => eachAsync(content, 3)],
      ["a web stream", () => new Blob([content]).stream()],
      [
        "an async generator that reuses its memory",
        async function* () {
          const memory = new Uint8Array(1);
          for (const byte of content) {
            memory[0] = byte;
            yield memory;
          }
        },
      ],
      ["chunks some of which are empty", () => [bytes(""), content, bytes("")]],
    ];
    for (const [form, make] of sources) {
      test(
        `gives back what was put from ${form}`,
        withStore(async (store) => {
          const put = await store.put("k", make());
          expect(put.size).toBe(content.length);
          expect(await readBlob(store, "k")).toEqual(content);
        }),
      );
    }

    test(
      "tells the same facts at put, head, get and list",
      withStore(async (store) => {
        const before = Date.now();
        const put = await store.put("dir/k", content, {
          contentType: 'text/plain; charset="utf-8"',
        });
        const after = Date.now();
        expect(put).toMatchObject({
          key: "dir/k",
          size: content.length,
          sha256: createHash("sha256").update(content).digest("hex"),
          contentType: 'text/plain; charset="utf-8"',
        });
        expect(put.etag).toMatch(/^(?:W\/)?"[\x21\x23-\x7e]+"$/);
        expect(put.modifiedAt).toBeGreaterThanOrEqual(before);
        expect(put.modifiedAt).toBeLessThanOrEqual(after);
        expect(await store.head("dir/k")).toEqual(put);
        await using blob = await store.get("dir/k");
        expect(blob?.info).toEqual(put);
        expect(await store.list()).toEqual({ items: [put] });
      }),
    );

    test(
      "says application/octet-stream where nothing was said",
      withStore(async (store) => {
        expect((await store.put("k", content)).contentType).toBe("application/octet-stream");
      }),
    );

    test(
      "stores an empty blob",
      withStore(async (store) => {
        expect((await store.put("k", [])).size).toBe(0);
        expect(await readBlob(store, "k")).toEqual(new Uint8Array());
      }),
    );

    test(
      "knows nothing of a key that was never put",
      withStore(async (store) => {
        expect(await store.get("k")).toBeUndefined();
        expect(await store.head("k")).toBeUndefined();
        expect(await store.delete("k")).toBe(false);
        expect(await store.list()).toEqual({ items: [] });
      }),
    );

    test(
      "replaces the blob of a key, and changes its etag",
      withStore(async (store) => {
        const first = await store.put("k", bytes("first"), { contentType: "text/a" });
        const second = await store.put("k", bytes("second!"), { contentType: "text/b" });
        expect(second.etag).not.toBe(first.etag);
        expect(await store.head("k")).toEqual(second);
        expect(await readBlob(store, "k")).toEqual(bytes("second!"));
        expect(await listKeys(store)).toEqual(["k"]);
      }),
    );

    test(
      "deletes a blob, and says whether there was one",
      withStore(async (store) => {
        await store.put("k", content);
        await store.put("k/other", content);
        expect(await store.delete("k")).toBe(true);
        expect(await store.delete("k")).toBe(false);
        expect(await store.get("k")).toBeUndefined();
        expect(await listKeys(store)).toEqual(["k/other"]);
      }),
    );

    test(
      "lets a reader finish the old blob while a new one takes its place",
      withStore(async (store) => {
        const old = new Uint8Array(3_000_000).fill(1);
        await store.put("k", old);
        await using blob = await store.get("k");
        await store.put("k", bytes("new"));
        const chunks: Uint8Array[] = [];
        for await (const chunk of blob?.body ?? []) chunks.push(chunk);
        expect(Buffer.compare(Buffer.concat(chunks), old)).toBe(0);
        expect(await readBlob(store, "k")).toEqual(bytes("new"));
      }),
    );

    test(
      "leaves one whole blob when many are put under one key at once",
      withStore(async (store) => {
        const candidates = Array.from({ length: 8 }, (_, index) =>
          new Uint8Array(10_000 + index).fill(index),
        );
        await Promise.all(candidates.map((one) => store.put("k", eachAsync(one, 1_000))));
        const left = await readBlob(store, "k");
        expect(candidates).toContainEqual(left);
        expect((await store.head("k"))?.size).toBe(left.length);
      }),
    );

    test(
      "gives the part of a blob that a range names",
      withStore(async (store) => {
        await store.put("k", content);
        const { length } = content;
        const parts: readonly (readonly [ByteRange, number, number])[] = [
          [{ start: 0 }, 0, length],
          [{ start: 4 }, 4, length],
          [{ start: 4, length: 5 }, 4, 9],
          [{ start: length - 1 }, length - 1, length],
          [{ start: 4, length: 1_000 }, 4, length],
          [{ suffixLength: 3 }, length - 3, length],
          [{ suffixLength: 1_000 }, 0, length],
        ];
        for (const [range, from, to] of parts) {
          await using blob = await store.get("k", { range });
          expect(blob?.start).toBe(from);
          expect(blob?.length).toBe(to - from);
          expect(blob?.info.size).toBe(length);
          expect(await readBlob(store, "k", range)).toEqual(content.slice(from, to));
        }
      }),
    );

    test(
      "refuses a range that names no byte, or is malformed",
      withStore(async (store) => {
        await store.put("k", content);
        await store.put("empty", []);
        const refused: unknown[] = [
          { start: content.length },
          { start: -1 },
          { start: 1.5 },
          { start: 0, length: 0 },
          { start: 0, length: -1 },
          { start: Number.NaN },
          { suffixLength: 0 },
          { suffixLength: -1 },
          { start: 0, end: 3 },
        ];
        for (const range of refused)
          await expectCategory(store.get("k", { range: range as ByteRange }), "validation");
        await expectCategory(store.get("empty", { range: { start: 0 } }), "validation");
        await expectCategory(store.get("empty", { range: { suffixLength: 1 } }), "validation");
      }),
    );

    for (const [reason, key] of hostileKeys) {
      test(
        `refuses ${reason} as a key, and stores nothing`,
        withStore(async (store) => {
          const bad = key as string;
          await expectCategory(store.put(bad, content), "validation");
          await expectCategory(store.get(bad), "validation");
          await expectCategory(store.head(bad), "validation");
          await expectCategory(store.delete(bad), "validation");
          expect(await listKeys(store)).toEqual([]);
        }),
      );
    }

    test(
      "keeps keys apart that some file systems mix up, and lists them in UTF-8 order",
      { timeout: 30_000 },
      withStore(async (store) => {
        for (const key of trickyKeys) await store.put(key, bytes(`blob of ${key}`));
        for (const key of trickyKeys)
          expect(await readBlob(store, key), key).toEqual(bytes(`blob of ${key}`));
        const sorted = inKeyOrder(trickyKeys);
        expect(await listKeys(store)).toEqual(sorted);
        expect(await listKeys(store, { limit: 1 })).toEqual(sorted);
        for (const key of trickyKeys) {
          const prefix = Buffer.from(key)
            .subarray(0, 193)
            .toString()
            .replace(/\ufffd+$/, "");
          const wanted = sorted.filter((other) => other.startsWith(prefix));
          expect(await listKeys(store, { prefix, limit: 2 }), prefix).toEqual(wanted);
        }
        for (const key of trickyKeys) expect(await store.delete(key), key).toBe(true);
        expect(await listKeys(store)).toEqual([]);
      }),
    );

    test(
      "lists what begins with a prefix, across and within segments",
      withStore(async (store) => {
        const keys = ["a", "a/1", "a/2", "ab", "ab/1", "b/a/1", "b/a/2", "b/ab"];
        for (const key of keys) await store.put(key, content);
        const prefixes = ["", "a", "a/", "ab", "b/", "b/a", "b/a/", "b/a/1", "b/a/1/", "c", "a//"];
        for (const prefix of prefixes) {
          const wanted = keys.filter((key) => key.startsWith(prefix));
          expect(await listKeys(store, { prefix, limit: 2 }), prefix).toEqual(wanted);
        }
      }),
    );

    test(
      "goes on behind a cursor whose key is gone",
      withStore(async (store) => {
        for (const key of ["a", "b", "c", "d"]) await store.put(key, content);
        const { items, cursor } = await store.list({ limit: 2 });
        expect(items.map(({ key }) => key)).toEqual(["a", "b"]);
        await store.delete("b");
        await store.put("aa", content);
        const rest = await store.list(cursor === undefined ? {} : { cursor });
        expect(rest.items.map(({ key }) => key)).toEqual(["c", "d"]);
        expect(rest).not.toHaveProperty("cursor");
      }),
    );

    test(
      "refuses a limit or a cursor that is none",
      withStore(async (store) => {
        for (const limit of [0, -1, 1.5, Number.NaN])
          await expectCategory(store.list({ limit }), "validation");
        for (const cursor of ["", "***", "ä"])
          await expectCategory(store.list({ cursor }), "validation");
      }),
    );

    test(
      "passes on what a source throws, and stores nothing",
      withStore(async (store) => {
        const kept = await store.put("kept", content);
        const fault = Object.assign(new Error("the source broke"), { code: "ECONNRESET" });
        async function* broken() {
          yield content;
          throw fault;
        }
        await expect(store.put("k", broken())).rejects.toBe(fault);
        await expect(store.put("kept", broken())).rejects.toBe(fault);
        const stream = new ReadableStream({ pull: (controller) => controller.error(fault) });
        await expect(store.put("k", stream)).rejects.toBe(fault);
        expect(await store.head("kept")).toEqual(kept);
        expect(await listKeys(store)).toEqual(["kept"]);
      }),
    );

    test(
      "refuses a source of anything but bytes",
      withStore(async (store) => {
        for (const source of ["text", ["text"], [1], 7, undefined, {}])
          await expectCategory(store.put("k", source as unknown as BlobSource), "validation");
        expect(await listKeys(store)).toEqual([]);
      }),
    );

    test(
      "rejects an aborted put with the reason of its signal, stores nothing and tells the source",
      withStore(async (store) => {
        for (const reason of [new Error("enough"), "enough", { code: "EIO" }]) {
          const controller = new AbortController();
          const told = Promise.withResolvers<unknown>();
          const source = new ReadableStream<Uint8Array>({
            start: (stream) => stream.enqueue(content),
            // The put waits for a second chunk, which never comes.
            pull: () => controller.abort(reason),
            cancel: told.resolve,
          });
          const { signal } = controller;
          await expect(store.put("k", source, { signal })).rejects.toBe(reason);
          expect(await told.promise).toBe(reason);
        }
        expect(await listKeys(store)).toEqual([]);
      }),
    );

    test(
      "does nothing under a signal that is aborted already",
      withStore(async (store) => {
        const kept: BlobInfo = await store.put("k", content);
        const reason = new Error("too late");
        const signal = AbortSignal.abort(reason);
        await expect(store.put("k", bytes("new"), { signal })).rejects.toBe(reason);
        await expect(store.get("k", { signal })).rejects.toBe(reason);
        await expect(store.head("k", { signal })).rejects.toBe(reason);
        await expect(store.list({ signal })).rejects.toBe(reason);
        await expect(store.delete("k", { signal })).rejects.toBe(reason);
        expect(await store.head("k")).toEqual(kept);
      }),
    );

    test(
      "rejects the reading of a body with the reason of the signal of its get",
      withStore(async (store) => {
        await store.put("k", new Uint8Array(3_000_000));
        const controller = new AbortController();
        const reason = new Error("enough");
        await using blob = await store.get("k", { signal: controller.signal });
        const body = blob?.body[Symbol.asyncIterator]();
        expect((await body?.next())?.done).toBe(false);
        controller.abort(reason);
        await expect(body?.next()).rejects.toBe(reason);
      }),
    );

    test(
      "gives the body of an opened blob once, in chunks that their reader may keep",
      withStore(async (store) => {
        const whole = Uint8Array.from({ length: 1_000_000 }, (_, index) => index % 251);
        await store.put("k", whole);
        await using blob = await store.get("k");
        const chunks: Uint8Array[] = [];
        for await (const chunk of blob?.body ?? []) chunks.push(chunk);
        expect(Buffer.compare(Buffer.concat(chunks), whole)).toBe(0);
        await expect(async () => {
          for await (const _ of blob?.body ?? []);
        }).rejects.toSatisfy((error) => KingError.is(error) && error.category === "state");
      }),
    );

    test(
      "lets a reader stop early, or not begin at all",
      withStore(async (store) => {
        await store.put("k", new Uint8Array(3_000_000));
        for (let round = 0; round < 50; round++) {
          await using stopped = await store.get("k");
          for await (const _ of stopped?.body ?? []) break;
          await using _unread = await store.get("k");
        }
        expect(await store.delete("k")).toBe(true);
      }),
    );
  });
}

function* each(content: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function* eachAsync(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  yield* each(content, size);
}

/** Sorted by the bytes of UTF-8. */
export function inKeyOrder(keys: Iterable<string>): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
