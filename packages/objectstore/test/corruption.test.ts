import { execFileSync } from "node:child_process";
import { constants } from "node:fs";
import { open, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { KingError } from "@king-runtime/core";
import { listKeys, readBlob, recordDiagnostics } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openedStore } from "./opened-store.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const isCorrupt = (error: unknown) => KingError.is(error, "KING_OBJECTSTORE_CORRUPT");

/** The chunks that came before the error, and the error. */
async function readUntilError(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  const got: Uint8Array[] = [];
  try {
    for await (const chunk of chunks) got.push(chunk);
    return { bytes: Buffer.concat(got), error: undefined };
  } catch (error) {
    return { bytes: Buffer.concat(got), error };
  }
}

describe("a damaged file", () => {
  for (const size of [0, 10, 40_000, 600_000]) {
    test(`of ${size} bytes with any byte flipped is an integrity error, never wrong or short bytes`, {
      timeout: 20_000 + numRuns * 100,
    }, async () => {
      await using place = await openedStore({ chunkBytes: 16_384 });
      const whole = Buffer.from(Uint8Array.from({ length: size }, (_, index) => (index * 7) % 256));
      await place.store.put("k", whole);
      const path = `${place.root}/objects/k.o`;
      const intact = await readFile(path);
      const trailerAt = 1_024 + size;
      const at = fc.oneof(
        fc.integer({ min: 0, max: 1_023 }),
        fc.integer({ min: 0, max: intact.length - 1 }),
        fc.integer({ min: Math.max(0, trailerAt - 3), max: intact.length - 1 }),
      );
      await fc.assert(
        fc.asyncProperty(at, fc.integer({ min: 0, max: 7 }), async (position, bit) => {
          const damaged = Buffer.from(intact);
          damaged[position] = (damaged[position] as number) ^ (1 << bit);
          await writeFile(path, damaged);
          const inTrailer = position >= trailerAt;
          try {
            await using blob = await place.store.get("k");
            const { bytes, error } = await readUntilError(blob?.body ?? []);
            if (inTrailer) {
              // The checksums of blocks are not needed for a whole body: it is intact.
              expect(error).toBeUndefined();
              expect(bytes.equals(whole)).toBe(true);
            } else {
              expect(isCorrupt(error), String(error)).toBe(true);
              expect(bytes.length).toBeLessThan(Math.max(1, size));
            }
          } catch (error) {
            expect(isCorrupt(error), String(error)).toBe(true);
          }
          if (size < 2) return;
          const start = Math.max(0, Math.min(position - 1_024, size - 1) - 1);
          const length = Math.min(size - start, 3);
          try {
            await using part = await place.store.get("k", { range: { start, length } });
            const { bytes, error } = await readUntilError(part?.body ?? []);
            if (error === undefined)
              expect(bytes.equals(whole.subarray(start, start + length))).toBe(true);
            else expect(isCorrupt(error), String(error)).toBe(true);
            if (!inTrailer) expect(error).toBeDefined();
          } catch (error) {
            expect(isCorrupt(error), String(error)).toBe(true);
          }
        }),
        { numRuns: Math.ceil(numRuns / 2) },
      );
      await writeFile(path, intact);
      expect((await readBlob(place.store, "k")).length).toBe(size);
    });
  }

  test("that is shorter or longer than its header says is an integrity error", async () => {
    await using place = await openedStore();
    for (const size of [10, 100_000, 600_000]) {
      await place.store.put("k", Buffer.alloc(size, 1));
      const path = `${place.root}/objects/k.o`;
      const intact = await readFile(path);
      const lengths = [0, 1, 500, 1_023, 1_024, intact.length - 1, intact.length + 1];
      for (const length of lengths) {
        await writeFile(path, intact);
        await truncate(path, length);
        await expect(readBlob(place.store, "k"), `${size} cut to ${length}`).rejects.toSatisfy(
          isCorrupt,
        );
      }
    }
  });

  test("that belongs to another key is an integrity error", async () => {
    await using place = await openedStore();
    await place.store.put("a", Buffer.from("of a"));
    await place.store.put("b", Buffer.from("of b"));
    await writeFile(`${place.root}/objects/b.o`, await readFile(`${place.root}/objects/a.o`));
    await expect(place.store.get("b")).rejects.toSatisfy(isCorrupt);
    await expect(place.store.head("b")).rejects.toSatisfy(isCorrupt);
  });

  test("is left out of listings and told of, and can be replaced or deleted", async () => {
    await using place = await openedStore();
    const long = "x".repeat(300);
    for (const key of ["a", "b", "c", `${long}1`, `${long}2`])
      await place.store.put(key, Buffer.from("content"));
    const damaged = await findFiles(place.root, /(?:b\.o|x\/.*\.o)$/);
    expect(damaged).toHaveLength(3);
    for (const path of damaged) await writeFile(path, "damage");
    using corrupt = recordDiagnostics<{ key: string }>("king:objectstore:corrupt");
    expect(await listKeys(place.store)).toEqual(["a", "c"]);
    expect(corrupt.values).toHaveLength(3);
    expect(place.store.stats().corruptions).toBe(3);
    await place.store.put("b", Buffer.from("repaired"));
    expect(await listKeys(place.store)).toEqual(["a", "b", "c"]);
    expect(await place.store.delete(`${long}1`)).toBe(true);
    const store = await place.reopen();
    expect(store.stats().objects).toBe(4);
  });

  test("that keeps changing while it is read does not look complete", async () => {
    await using place = await openedStore({ chunkBytes: 16_384 });
    await place.store.put("k", Buffer.alloc(200_000, 1));
    const path = `${place.root}/objects/k.o`;
    await using blob = await place.store.get("k");
    const body = blob?.body[Symbol.asyncIterator]();
    await body?.next();
    const damaged = await readFile(path);
    damaged[damaged.length - 1] = 2;
    await writeFile(path, damaged);
    await expect(async () => {
      for (;;) if ((await body?.next())?.done) return;
    }).rejects.toSatisfy(isCorrupt);
  });
});

describe("what does not belong into the root", () => {
  test("a symbolic link in place of an object or a folder leads nowhere", async () => {
    await using place = await openedStore();
    await using outside = await openedStore();
    await outside.store.put("k", Buffer.from("secret"));
    await place.store.put("dir/k", Buffer.from("mine"));
    await symlink(`${outside.root}/objects/k.o`, `${place.root}/objects/k.o`);
    await symlink(`${outside.root}/objects`, `${place.root}/objects/out.d`);
    const store = await place.reopen();
    await expect(store.get("k")).rejects.toSatisfy(isCorrupt);
    expect(await store.get("out/k")).toBeUndefined();
    expect(await store.head("out/k")).toBeUndefined();
    expect(await store.delete("out/k")).toBe(false);
    await expect(store.put("out/k", Buffer.from("x"))).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_IO",
      details: { errno: "ENOTDIR" },
    });
    expect(await listKeys(store)).toEqual(["dir/k"]);
    expect(await listKeys(store, { prefix: "out/" })).toEqual([]);
    expect(store.stats()).toMatchObject({ objects: 1, bytes: 4 });
    // A put replaces the link, not what it leads to.
    await store.put("k", Buffer.from("new"));
    expect(Buffer.from(await readBlob(store, "k")).toString()).toBe("new");
    expect(Buffer.from(await readBlob(outside.store, "k")).toString()).toBe("secret");
  });

  // Without care, opening a named pipe waits for someone who writes to it.
  test("a named pipe in place of an object makes nobody wait", { timeout: 10_000 }, async () => {
    await using place = await openedStore();
    await place.store.put("k", Buffer.from("old"));
    const pipe = `${place.root}/objects/k.o`;
    await rm(pipe);
    execFileSync("mkfifo", [pipe]);
    const late = Symbol("late");
    const inTime = <T>(work: Promise<T>) => Promise.race([work, delay(2_000, late)]);
    try {
      for (const work of [() => place.store.get("k"), () => place.store.head("k")]) {
        const settled = await inTime(work().catch((error: unknown) => error));
        expect(KingError.is(settled, "KING_OBJECTSTORE_IO"), String(settled)).toBe(true);
      }
      expect(await place.store.delete("k")).toBe(false);
      expect(await listKeys(place.store)).toEqual([]);
    } finally {
      // Lets go of whoever does wait.
      const { O_NONBLOCK, O_RDWR } = constants;
      await (await open(pipe, O_RDWR | O_NONBLOCK)).close();
    }
    await place.store.put("k", Buffer.from("new"));
    expect(Buffer.from(await readBlob(place.store, "k")).toString()).toBe("new");
  });

  test("a link in place of the folders of the root keeps the store from opening", async () => {
    for (const name of ["objects", "tmp", "lock"]) {
      await using place = await openedStore();
      await using outside = await openedStore();
      await place.store.close();
      await rm(`${place.root}/${name}`, { recursive: true });
      await symlink(`${outside.root}/${name}`, `${place.root}/${name}`);
      await expect(place.reopen(), name).rejects.toMatchObject({ details: { errno: "ENOTDIR" } });
    }
  });

  test("files of other names are neither listed nor counted nor removed", async () => {
    await using place = await openedStore();
    await place.store.put("a", Buffer.from("content"));
    const names = [".DS_Store", "A.o", "%61.o", "%4g.o", "%4A.o", "note", "é.o"];
    for (const name of names) await writeFile(`${place.root}/objects/${name}`, "x");
    const store = await place.reopen();
    expect(await listKeys(store)).toEqual(["a"]);
    expect(store.stats()).toMatchObject({ objects: 1, bytes: 7 });
    expect(await findFiles(place.root, /note$/)).toHaveLength(1);
  });
});

async function findFiles(root: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(`${root}/objects`, { recursive: true });
  return names.filter((name) => pattern.test(name)).map((name) => `${root}/objects/${name}`);
}
