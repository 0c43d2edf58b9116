import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { promisify } from "node:util";
import { KingError } from "@king-runtime/core";
import { openObjectStore } from "@king-runtime/objectstore";
import {
  listKeys,
  notRun,
  readBlob,
  type SkippableTest,
  temporaryFolder,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { instrumentedFileSystem, withoutSyncs } from "./instrumented-file-system.ts";
import { openedStore } from "./opened-store.ts";

const run = promisify(execFile);
const bytes = (count: number, fill = 1) => new Uint8Array(count).fill(fill);
const isQuota = (error: unknown) => KingError.is(error, "KING_OBJECTSTORE_QUOTA");

describe("the quota", () => {
  test("lets the last byte in and not one more, and others go on", async () => {
    await using place = await openedStore({ maxBytes: 100 });
    const { store } = place;
    await store.put("a", bytes(60));
    const error = await store.put("b", bytes(41)).catch((reason: unknown) => reason);
    expect(isQuota(error)).toBe(true);
    expect(error).toMatchObject({
      category: "limit",
      details: { maxBytes: 100, usedBytes: 60, requestedBytes: 41 },
    });
    expect(await readdir(`${place.root}/tmp`)).toEqual([]);
    expect(await store.head("b")).toBeUndefined();
    await store.put("b", bytes(40));
    expect(store.stats()).toMatchObject({ bytes: 100, objects: 2, reservedBytes: 0 });
    await store.put("empty", bytes(0));
    expect((await readBlob(store, "a")).length).toBe(60);
    await store.delete("a");
    await store.put("c", bytes(60));
  });

  test("counts the bytes of puts under way as they stream, and stops a put in its middle", async () => {
    await using place = await openedStore({ maxBytes: 10_000, chunkBytes: 1_024 });
    const { store } = place;
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    async function* slow() {
      yield bytes(6_000);
      asked.resolve();
      await held.promise;
      yield bytes(1_000);
    }
    const first = store.put("first", slow());
    await asked.promise;
    expect(store.stats()).toMatchObject({ bytes: 0, reservedBytes: 6_000 });
    let told = false;
    async function* second() {
      try {
        for (;;) yield bytes(1_500);
      } finally {
        told = true;
      }
    }
    await expect(store.put("second", second())).rejects.toSatisfy(isQuota);
    expect(told).toBe(true);
    expect(store.stats()).toMatchObject({ bytes: 0, reservedBytes: 6_000 });
    held.resolve();
    await first;
    expect(store.stats()).toMatchObject({ bytes: 7_000, reservedBytes: 0, objects: 1 });
  });

  test("is exact after any mixture of puts at once, and after opening again", async () => {
    await using place = await openedStore({ chunkBytes: 1_024, maxConcurrentWrites: 3 });
    const { store } = place;
    const works = Array.from({ length: 200 }, (_, index) => {
      const key = `${index % 3}/${index % 7}`;
      if (index % 5 === 0) return store.delete(key);
      const size = (index * 137) % 5_000;
      return store.put(key, index % 2 ? bytes(size, index % 256) : [bytes(size, index % 256)]);
    });
    await Promise.all(works);
    const keys = await listKeys(store);
    let total = 0;
    for (const key of keys) {
      const content = await readBlob(store, key);
      expect(new Set(content).size).toBeLessThanOrEqual(1);
      total += content.length;
    }
    const wanted = { bytes: total, objects: keys.length, reservedBytes: 0, openPuts: 0 };
    expect(store.stats()).toMatchObject(wanted);
    expect((await place.reopen()).stats()).toMatchObject(wanted);
  });

  for (const size of [0, 1, 262_144, 262_145, 524_288, 524_289, 1_000_000]) {
    test(`counts an object of ${size} bytes as such after opening again, whatever its key`, async () => {
      await using place = await openedStore();
      for (const key of [
        "a",
        "b".repeat(128),
        "c".repeat(129),
        "d".repeat(193),
        "E".repeat(1_024),
      ]) {
        await place.store.put(key, bytes(size));
        const store = await place.reopen();
        expect(store.stats(), key).toMatchObject({ bytes: size, objects: 1 });
        await store.delete(key);
        expect(store.stats(), key).toMatchObject({ bytes: 0, objects: 0 });
      }
    });
  }

  test("that is below what is stored refuses puts, and nothing else", async () => {
    await using place = await openedStore();
    await place.store.put("a", bytes(100));
    const store = await place.reopen({ maxBytes: 50 });
    await expect(store.put("b", bytes(1))).rejects.toSatisfy(isQuota);
    expect((await readBlob(store, "a")).length).toBe(100);
    expect(await store.delete("a")).toBe(true);
    await store.put("b", bytes(50));
  });
});

describe("other limits", () => {
  test("refuse an object that grows beyond maxObjectBytes, and leave nothing of it", async () => {
    await using place = await openedStore({ maxObjectBytes: 5_000, chunkBytes: 1_024 });
    await place.store.put("k", bytes(5_000));
    const streamed = place.store.put("l", [bytes(3_000), bytes(2_001)]);
    await expect(streamed).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_OBJECT_LIMIT",
      category: "limit",
      details: { maxObjectBytes: 5_000 },
    });
    expect(await listKeys(place.store)).toEqual(["k"]);
    expect(await readdir(`${place.root}/tmp`)).toEqual([]);
    expect(place.store.stats().reservedBytes).toBe(0);
  });

  test("refuse a key longer than maxKeyBytes", async () => {
    await using place = await openedStore({ maxKeyBytes: 4 });
    await place.store.put("1234", bytes(1));
    await expect(place.store.put("12345", bytes(1))).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_KEY_INVALID",
      message: 'key: expected at most 4 bytes of UTF-8, got "12345"',
    });
  });

  test("refuse one put and one read too many, and take more when one is over", async () => {
    await using place = await openedStore({ maxOpenPuts: 1, maxOpenReads: 1 });
    const { store } = place;
    const held = Promise.withResolvers<void>();
    async function* slow() {
      await held.promise;
      yield bytes(1);
    }
    const first = store.put("a", slow());
    await expect(store.put("b", bytes(1))).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_BUSY",
      retryable: true,
      details: { option: "maxOpenPuts", limit: 1 },
    });
    held.resolve();
    await first;
    await store.put("b", bytes(1));
    const open = await store.get("a");
    await expect(store.get("b")).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_BUSY",
      details: { option: "maxOpenReads", limit: 1 },
    });
    await open?.[Symbol.asyncDispose]();
    expect(await store.get("none")).toBeUndefined();
    expect((await readBlob(store, "b")).length).toBe(1);
  });

  test("let maxConcurrentWrites puts write at one moment, while slow sources hold up nobody", async () => {
    const fileSystem = instrumentedFileSystem();
    await using place = await openedStore({ fileSystem, maxConcurrentWrites: 2 });
    const { store } = place;
    const held = Promise.withResolvers<void>();
    async function* slow() {
      yield bytes(1);
      await held.promise;
    }
    const slowOnes = Array.from({ length: 5 }, (_, index) => store.put(`slow${index}`, slow()));
    let syncing = 0;
    let most = 0;
    const together = Promise.withResolvers<void>();
    fileSystem.before = async ({ name }) => {
      if (name !== "fdatasync") return;
      most = Math.max(most, ++syncing);
      // The first one waits for another, however long the machine takes to bring it.
      if (syncing === 2) together.resolve();
      await together.promise;
      await new Promise((resolve) => setImmediate(resolve));
      syncing -= 1;
    };
    // Again and again: a place that is given back is one place.
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 20 }, (_, index) => store.put(`${index}`, bytes(10))));
    }
    expect(most).toBe(2);
    held.resolve();
    await Promise.all(slowOnes);
    expect(store.stats().objects).toBe(25);
  });
});

describe("a listing", () => {
  test("of many objects holds one page in memory, not all of them", {
    timeout: 60_000,
  }, async () => {
    await using place = await openedStore({ maxPageItems: 100, fileSystem: withoutSyncs });
    const { store } = place;
    const count = 1_500;
    const put = async (from: number) => {
      for (let index = from; index < count; index += 16) await store.put(`in/${index}`, bytes(0));
    };
    await Promise.all(Array.from({ length: 16 }, (_, from) => put(from)));
    const wanted = Array.from({ length: count }, (_, index) => `in/${index}`).sort();
    expect(await listKeys(store, { limit: 5_000 })).toEqual(wanted);
    const page = await store.list({ limit: 5_000 });
    expect(page.items).toHaveLength(100);
    // Keys that are there all the time come once each, whatever comes and goes meanwhile.
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let round = 0; ; round++) {
      const next = await store.list(cursor === undefined ? {} : { cursor });
      seen.push(...next.items.map(({ key }) => key));
      await store.put(`in/1${round}x`, bytes(0));
      await store.delete(`in/1${round - 1}x`);
      cursor = next.cursor;
      if (cursor === undefined) break;
    }
    expect(seen.filter((key) => !key.endsWith("x"))).toEqual(wanted);
  });

  test("goes past any number of emptied folders", async () => {
    await using place = await openedStore();
    for (let index = 0; index < 30; index++) {
      await place.store.put(`a${index}/k`, bytes(0));
      await place.store.delete(`a${index}/k`);
    }
    await place.store.put("b/k", bytes(0));
    expect((await place.store.list({ limit: 1 })).items).toMatchObject([{ key: "b/k" }]);
  });
});

/** A file system of its own that is full after a few bytes; unmounted when disposed. */
async function smallDisk(context: SkippableTest, size: string) {
  const folder = await temporaryFolder("king-small-disk");
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "king-test", folder.path]);
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    const reason = error instanceof Error ? (error.message.split("\n")[1] ?? error.message) : "";
    notRun(context, `a small tmpfs could not be mounted: ${reason}`, "run as root on Linux");
  }
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      await run("umount", [folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("a disk that is really full", () => {
  test("makes a put fail with KING_OBJECTSTORE_NO_SPACE and harms nobody else", async (context) => {
    await using disk = await smallDisk(context, "1m");
    await using store = await openObjectStore({ root: `${disk.path}/root` });
    await store.put("kept", bytes(300_000));
    const reading = await store.get("kept");
    for (const source of [bytes(2_000_000), [bytes(400_000), bytes(400_000)]]) {
      await expect(store.put("large", source)).rejects.toMatchObject({
        code: "KING_OBJECTSTORE_NO_SPACE",
        category: "limit",
        details: { errno: "ENOSPC", visible: false },
      });
      expect(await readdir(`${disk.path}/root/tmp`)).toEqual([]);
    }
    expect(await listKeys(store)).toEqual(["kept"]);
    let length = 0;
    for await (const chunk of reading?.body ?? []) length += chunk.length;
    expect(length).toBe(300_000);
    expect(store.stats()).toMatchObject({ bytes: 300_000, objects: 1, reservedBytes: 0 });
    await store.put("small", bytes(1_000));
    await store.delete("kept");
    await store.put("large", bytes(500_000));
    expect(store.component().health?.()).toEqual({ status: "healthy" });
  });
});
