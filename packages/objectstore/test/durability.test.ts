import { readdir } from "node:fs/promises";
import { KingError } from "@king-runtime/core";
import {
  type FileSystem,
  type IoDetails,
  objectstoreErrors,
  openObjectStore,
} from "@king-runtime/objectstore";
import { readBlob, recordDiagnostics, temporaryFolder } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  type CallName,
  failAt,
  failEvery,
  instrumentedFileSystem,
  syscalls,
  systemError,
  withoutSyncs,
} from "./instrumented-file-system.ts";
import { openedStore } from "./opened-store.ts";

const small = Buffer.from("content");
const large = Buffer.alloc(700_000, 7);

async function opened(inner?: FileSystem) {
  const fileSystem = instrumentedFileSystem(inner);
  const place = await openedStore({ fileSystem });
  return {
    ...place,
    store: place.store,
    fs: fileSystem,
    temporaryFiles: () => readdir(`${place.root}/tmp`),
    /** Calls since the last look, as "name place". */
    taken: () => fileSystem.calls.splice(0).map(({ name, on }) => `${name} ${on}`),
  };
}

const settledError = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("a put is durable when it resolves", () => {
  test("writes, syncs the file, renames it and syncs the folder, in this order", async () => {
    await using place = await opened();
    await place.store.put("k", small);
    place.taken();
    await place.store.put("k", small);
    expect(place.taken()).toEqual([
      "createFile tmp/*",
      "write tmp/*",
      "fdatasync tmp/*",
      "close tmp/*",
      "lstat objects/k.o",
      "rename objects/k.o",
      "fsync objects",
    ]);
  });

  test("writes the header of a large object after its body, and before the sync", async () => {
    await using place = await opened();
    await place.store.put("k", small);
    place.taken();
    await place.store.put("k", large);
    const calls = place.taken().map((call) => call.split(" ")[0]);
    // Three pieces of the body, the header, and the checksums of the blocks.
    expect(calls).toEqual([
      "createFile",
      ...Array.from({ length: 5 }, () => "write"),
      "fdatasync",
      "close",
      "lstat",
      "rename",
      "fsync",
    ]);
  });

  test("syncs the parent of every folder it makes, before it writes the object", async () => {
    await using place = await opened();
    place.taken();
    await place.store.put("a/b/k", small);
    const calls = place.taken();
    expect(calls.filter((call) => /^(?:mkdir|fsync|rename)/.test(call))).toEqual([
      "mkdir objects/a.d",
      "fsync objects",
      "mkdir objects/a.d/b.d",
      "fsync objects/a.d",
      "rename objects/a.d/b.d/k.o",
      "fsync objects/a.d/b.d",
    ]);
  });

  test("syncs the parent of a folder it finds, once, since its maker may not have come to it", async () => {
    await using place = await opened();
    await place.store.put("a/k", small);
    const store = await place.reopen();
    place.taken();
    await store.put("a/k", small);
    expect(place.taken().filter((call) => call.startsWith("fsync"))).toEqual([
      "fsync objects",
      "fsync objects/a.d",
    ]);
    await store.put("a/k", small);
    expect(place.taken().filter((call) => call.startsWith("fsync"))).toEqual(["fsync objects/a.d"]);
  });

  test("syncs the folder of the root down from the first folder it had to make", async () => {
    await using folder = await temporaryFolder();
    const fileSystem = instrumentedFileSystem();
    await using _store = await openObjectStore({ root: folder.join("x", "y"), fileSystem });
    const calls = fileSystem.calls.map(({ name, on }) => `${name} ${on}`);
    const made = calls.filter((call) => /^(?:mkdir|fsync)/.test(call));
    expect(made).toEqual([
      "mkdir y",
      "mkdir x",
      expect.stringMatching(/^fsync king-/),
      "mkdir y",
      "fsync x",
      "mkdir objects",
      "fsync y",
      "mkdir tmp",
      "fsync y",
      "fsync y",
    ]);
  });

  test("does not resolve before the sync of the folder has ended", async () => {
    await using place = await opened();
    await place.store.put("k", small);
    const syncing = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    place.fs.before = ({ name }) => {
      if (name !== "fsync") return;
      reached.resolve();
      return syncing.promise;
    };
    let resolved = false;
    const putting = place.store.put("k", large).then(() => {
      resolved = true;
    });
    await reached.promise;
    await readBlob(place.store, "k");
    expect(resolved).toBe(false);
    syncing.resolve();
    await putting;
  });

  test("shares one sync of a folder among puts, and never one that began before the rename", async () => {
    await using place = await opened();
    await place.store.put("first", small);
    const first = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    place.taken();
    place.fs.before = ({ name }) => {
      if (name !== "fsync") return;
      place.fs.before = undefined;
      reached.resolve();
      return first.promise;
    };
    const one = place.store.put("one", small);
    await reached.promise;
    const renamed = Promise.withResolvers<void>();
    let renames = 0;
    place.fs.before = ({ name }) => {
      if (name === "rename" && ++renames === 10) renamed.resolve();
    };
    const others = Array.from({ length: 10 }, (_, index) => place.store.put(`n${index}`, small));
    await renamed.promise;
    // One more turn of the file system, so that all ten have asked for their sync.
    await place.store.head("n9");
    await place.store.head("n9");
    first.resolve();
    await Promise.all([one, ...others]);
    const calls = place.taken();
    const syncs = calls.flatMap((call, index) => (call.startsWith("fsync") ? [index] : []));
    expect(syncs.length).toBeGreaterThanOrEqual(2);
    expect(syncs.length).toBeLessThan(11);
    const lastRename = calls.findLastIndex((call) => call.startsWith("rename"));
    expect(syncs.at(-1)).toBeGreaterThan(lastRename);
  });
});

describe("a delete is durable when it resolves", () => {
  test("syncs the folder after the unlink", async () => {
    await using place = await opened();
    await place.store.put("a/k", small);
    place.taken();
    expect(await place.store.delete("a/k")).toBe(true);
    expect(place.taken()).toEqual([
      "lstat objects/a.d/k.o",
      "unlink objects/a.d/k.o",
      "fsync objects/a.d",
    ]);
  });

  test("says that the object is gone from sight when the sync fails", async () => {
    await using place = await opened();
    await place.store.put("k", small);
    failEvery(place.fs, "fsync", "EIO");
    const error = await settledError(place.store.delete("k"));
    expect(objectstoreErrors.is(error, "KING_OBJECTSTORE_IO")).toBe(true);
    expect((error as KingError).details).toEqual({ syscall: "fsync", errno: "EIO", visible: true });
    place.fs.before = undefined;
    expect(await place.store.head("k")).toBeUndefined();
    expect(place.store.stats()).toMatchObject({ objects: 0, bytes: 0 });
  });
});

describe("a failing file system", () => {
  const errnos = ["EIO", "EACCES", "EROFS", "EMFILE", "ESTALE", "ENOSPC", "EDQUOT"];
  const bodies: readonly (readonly [string, () => Uint8Array | Iterable<Uint8Array>])[] = [
    ["a small put", () => small],
    ["a large put", () => large],
    ["a streamed put", () => [large.subarray(0, 300_000), large.subarray(300_000)]],
  ];

  for (const [form, body] of bodies) {
    for (const errno of errnos) {
      test(`makes ${form} fail with ${errno} wherever it strikes, and leaves nothing behind`, {
        timeout: 30_000,
      }, async () => {
        await using place = await opened(withoutSyncs);
        await place.store.put("dir/old", small);
        // How many calls a put takes that makes a folder.
        place.taken();
        await place.store.put("count/k", body());
        const { length } = place.taken();
        const struck = new Set<CallName>();
        for (let position = 0; position < length; position++) {
          const before = place.store.stats();
          place.taken();
          const key = `dir${position}/k`;
          failAt(place.fs, position, errno);
          const error = await settledError(place.store.put(key, body()));
          place.fs.before = undefined;
          const failed = place.fs.calls[position]?.name as CallName;
          struck.add(failed);
          const full = errno === "ENOSPC" || errno === "EDQUOT";
          const code = full ? "KING_OBJECTSTORE_NO_SPACE" : "KING_OBJECTSTORE_IO";
          expect(KingError.is(error, code), `${failed} ${position}: ${error}`).toBe(true);
          const { details, category, cause } = error as KingError<string, IoDetails>;
          expect(category).toBe(full ? "limit" : "unavailable");
          expect(details).toMatchObject({ syscall: syscalls[failed], errno });
          expect(cause).toMatchObject({ code: errno, message: expect.stringContaining("test") });
          expect(await place.temporaryFiles(), `after ${failed} ${position}`).toEqual([]);
          expect(place.store.stats().reservedBytes).toBe(0);
          // Honest about what shows: after the rename the object is there.
          const shown = await place.store.head(key);
          expect(shown !== undefined, `visible after ${failed} ${position}`).toBe(details.visible);
          if (!details.visible)
            expect(place.store.stats()).toMatchObject({
              bytes: before.bytes,
              objects: before.objects,
            });
          // The next put of the same key works.
          expect((await place.store.put(key, body())).key).toBe(key);
        }
        const wanted: CallName[] = ["mkdir", "openFolder", "fsync", "createFile", "write"];
        wanted.push("fdatasync", "close", "lstat", "rename");
        expect([...struck]).toEqual(expect.arrayContaining(wanted));
        const store = await place.reopen();
        const { bytes, objects } = store.stats();
        expect(objects).toBe(length + 2);
        expect(bytes).toBe(small.length + (length + 1) * (await readBlob(store, "count/k")).length);
      });
    }
  }

  test("keeps the old object when the put of a new one fails before its rename", async () => {
    await using place = await opened();
    const old = await place.store.put("k", small);
    for (const name of ["createFile", "write", "fdatasync", "close", "lstat", "rename"] as const) {
      failEvery(place.fs, name, "EIO");
      await settledError(place.store.put("k", large));
      place.fs.before = undefined;
      expect(await place.store.head("k"), name).toEqual(old);
      expect(place.store.stats()).toMatchObject({ objects: 1, bytes: small.length });
    }
  });

  test("shows the new object when only the sync of the folder failed, and says so", async () => {
    await using place = await opened();
    await place.store.put("k", small);
    failEvery(place.fs, "fsync", "EIO");
    const error = await settledError(place.store.put("k", large));
    expect((error as KingError).details).toEqual({ syscall: "fsync", errno: "EIO", visible: true });
    place.fs.before = undefined;
    expect(Buffer.compare(await readBlob(place.store, "k"), large)).toBe(0);
    expect(place.store.stats()).toMatchObject({ objects: 1, bytes: large.length });
  });

  test("reports a temporary file that could not be removed, and removes it at the next opening", async () => {
    await using place = await opened();
    using leftovers = recordDiagnostics<{ key: string }>("king:objectstore:leftover");
    place.fs.before = ({ name }) => {
      if (name === "fdatasync" || name === "unlink") throw systemError("EIO", syscalls[name]);
    };
    const error = await settledError(place.store.put("k", small));
    expect((error as KingError).details).toMatchObject({ syscall: "fdatasync" });
    expect(leftovers.values).toMatchObject([{ key: "k" }]);
    place.fs.before = undefined;
    expect(await place.temporaryFiles()).toHaveLength(1);
    const store = await place.reopen();
    expect(await place.temporaryFiles()).toEqual([]);
    expect(store.stats()).toMatchObject({ objects: 0, bytes: 0 });
  });

  test("makes get, head, list and delete fail wherever it strikes, and closes what was open", async () => {
    await using place = await opened();
    await place.store.put("dir/small", small);
    await place.store.put("dir/large", large);
    const works: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["get of a small object", () => readBlob(place.store, "dir/small")],
      ["get of a large object", () => readBlob(place.store, "dir/large")],
      ["get of a range", () => readBlob(place.store, "dir/large", { start: 300_000, length: 9 })],
      ["head", () => place.store.head("dir/small")],
      ["list", () => place.store.list()],
      ["get of an object that is not there", () => place.store.get("dir/other")],
      ["delete of an object that is not there", () => place.store.delete("dir/other")],
    ];
    for (const [form, work] of works) {
      place.taken();
      await work();
      const calls = place.fs.calls.splice(0);
      const open = place.fs.open.size;
      for (const [position, { name }] of calls.entries()) {
        // A file that was only read and cannot be closed has lost nothing.
        if (name === "close") continue;
        place.taken();
        failAt(place.fs, position, "EIO");
        const error = await settledError(work());
        place.fs.before = undefined;
        // The objects of a page are looked at together: their calls come in any order.
        const failed = place.fs.calls[position]?.name as CallName;
        if (failed === "close") continue;
        expect(KingError.is(error, "KING_OBJECTSTORE_IO"), `${form}, ${failed}: ${error}`).toBe(
          true,
        );
        expect((error as KingError).details).toMatchObject({ syscall: syscalls[failed] });
        expect(place.fs.open.size, `${form}, ${name}`).toBe(open);
      }
      await work();
    }
    for (const name of ["lstat", "unlink"] as const) {
      failEvery(place.fs, name, "EIO");
      const error = await settledError(place.store.delete("dir/small"));
      expect((error as KingError).details).toEqual({ syscall: name, errno: "EIO", visible: false });
      place.fs.before = undefined;
      expect(await place.store.head("dir/small")).toBeDefined();
    }
  });

  test("makes the opening of a store fail wherever it strikes, and lets it be opened afterwards", async () => {
    await using place = await opened();
    await place.store.put("dir/k", small);
    await place.store.close();
    place.taken();
    await (await openObjectStore({ root: place.root, fileSystem: place.fs })).close();
    const calls = place.fs.calls.splice(0);
    for (const [position, { name, on }] of calls.entries()) {
      // What mkdir finds in its place already is looked at afterwards.
      if (name === "close") continue;
      place.taken();
      failAt(place.fs, position, "EIO");
      const error = await settledError(openObjectStore({ root: place.root, fileSystem: place.fs }));
      place.fs.before = undefined;
      expect(KingError.is(error, "KING_OBJECTSTORE_IO"), `${name} ${on}: ${error}`).toBe(true);
      await using again = await openObjectStore({ root: place.root, fileSystem: place.fs });
      expect(again.stats()).toMatchObject({ objects: 1, bytes: small.length });
    }
  });

  test("may move fewer bytes than asked for: everything is written and read in the end", async () => {
    await using place = await opened();
    place.fs.mostBytes = 701;
    for (const content of [small, large.subarray(0, 100_000), large.subarray(0, 300_000)]) {
      await place.store.put("k", content);
      expect(Buffer.compare(await readBlob(place.store, "k"), content)).toBe(0);
    }
    const part = await readBlob(place.store, "k", { start: 262_000, length: 1_000 });
    expect(Buffer.compare(part, large.subarray(262_000, 263_000))).toBe(0);
  });

  test("that writes nothing at all makes the put fail instead of going on for ever", async () => {
    await using place = await opened();
    place.fs.mostBytes = 0;
    const error = await settledError(place.store.put("k", small));
    expect((error as KingError).details).toMatchObject({ syscall: "write", errno: "EIO" });
    expect(await place.temporaryFiles()).toEqual([]);
  });

  test("may interrupt a call: it is repeated, and the caller learns nothing of it", async () => {
    await using place = await opened();
    let interrupted: CallName | undefined;
    place.fs.before = ({ name }) => {
      if (name === "readFolder" || name === "close" || interrupted === name) {
        interrupted = undefined;
        return;
      }
      interrupted = name;
      throw systemError("EINTR", syscalls[name]);
    };
    await place.store.put("dir/k", large);
    expect(Buffer.compare(await readBlob(place.store, "dir/k"), large)).toBe(0);
    expect(await place.store.delete("dir/k")).toBe(true);
    // Every call was made twice.
    place.fs.before = undefined;
    expect(place.fs.calls.filter(({ name }) => name === "fdatasync")).toHaveLength(2);
  });

  test("that interrupts without end makes the call fail", async () => {
    await using place = await opened();
    failEvery(place.fs, "fdatasync", "EINTR");
    const error = await settledError(place.store.put("k", small));
    expect((error as KingError).details).toMatchObject({ syscall: "fdatasync", errno: "EINTR" });
    expect(await place.temporaryFiles()).toEqual([]);
  });

  test("degrades the health of the component until a put succeeds again", async () => {
    await using place = await opened();
    const component = place.store.component();
    expect(component.health?.()).toEqual({ status: "healthy" });
    failEvery(place.fs, "fdatasync", "EIO");
    await settledError(place.store.put("k", small));
    expect(component.health?.()).toMatchObject({
      status: "degraded",
      reason: expect.stringContaining("fdatasync"),
    });
    place.fs.before = undefined;
    await place.store.put("k", small);
    expect(component.health?.()).toEqual({ status: "healthy" });
  });
});
