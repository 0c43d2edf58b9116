import { readdir, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createSystem, defineConfig, KingError } from "@king-runtime/core";
import { objectstoreSection, openObjectStore } from "@king-runtime/objectstore";
import {
  readBlob,
  recordDiagnostics,
  startNode,
  temporaryFolder,
  testClock,
  watchResources,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { instrumentedFileSystem } from "./instrumented-file-system.ts";
import { openedStore } from "./opened-store.ts";

const content = Buffer.from("content");
const isClosed = (error: unknown) => KingError.is(error, "KING_OBJECTSTORE_CLOSED");

/** A source that waits for the test after its first chunk. */
function heldSource() {
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  async function* source() {
    yield content;
    asked.resolve();
    await held.promise;
    yield content;
  }
  return { source: source(), asked: asked.promise, letGo: held.resolve };
}

const holder = fileURLToPath(new URL("./lock-holder.ts", import.meta.url));

describe("the root of a store", () => {
  test("belongs to one store at a time in this process, whatever its path is called", async () => {
    await using place = await openedStore();
    const again = openObjectStore({ root: `${place.root}/../root/` });
    await expect(again).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_LOCKED",
      details: { root: place.root },
    });
    await place.store.put("k", content);
    expect((await place.reopen()).stats().objects).toBe(1);
  });

  test("belongs to one process at a time", async () => {
    await using place = await openedStore();
    await place.store.close();
    await using other = await startNode(holder, { args: [place.root], ready: /^open$/ });
    await expect(openObjectStore({ root: place.root })).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_LOCKED",
    });
    await other.kill("SIGKILL");
    // The lock went with the process; what it left of its put is gone.
    expect(await readdir(`${place.root}/tmp`)).toHaveLength(1);
    await using _store = await openObjectStore({ root: place.root });
    expect(await readdir(`${place.root}/tmp`)).toEqual([]);
  });

  test("is not unlocked by a second opening that failed", async () => {
    await using place = await openedStore();
    const refused = { code: "KING_OBJECTSTORE_LOCKED" };
    await expect(openObjectStore({ root: place.root })).rejects.toMatchObject(refused);
    await expect(openObjectStore({ root: place.root })).rejects.toMatchObject(refused);
    const { stdout } = await (async () => {
      await using other = await startNode(holder, { args: [place.root] });
      await other.exited;
      return { stdout: other.stdout() };
    })();
    expect(stdout).toBe("KING_OBJECTSTORE_LOCKED\n");
  });

  test("is not removed or emptied by a failed opening", async () => {
    await using place = await openedStore();
    await place.store.put("k", content);
    await place.store.close();
    await expect(openObjectStore({ root: place.root, maxBytes: -1 })).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
    });
    expect((await place.reopen()).stats().objects).toBe(1);
  });

  test("loses folders that have become empty when it is opened again", async () => {
    await using place = await openedStore();
    await place.store.put("a/b/c/d", content);
    await place.store.put("a/k", content);
    await place.store.delete("a/b/c/d");
    expect(await readdir(`${place.root}/objects/a.d`)).toEqual(["b.d", "k.o"]);
    const store = await place.reopen();
    expect(await readdir(`${place.root}/objects/a.d`)).toEqual(["k.o"]);
    await store.put("a/b/c/d", content);
    expect(Buffer.from(await readBlob(store, "a/b/c/d"))).toEqual(content);
  });
});

describe("options", () => {
  test("are checked before anything is made", async () => {
    await using folder = await temporaryFolder();
    const refused: readonly object[] = [
      { root: "" },
      { root: 7 },
      { root: "a\0b" },
      { maxBytes: -1 },
      { maxBytes: 1.5 },
      { maxKeyBytes: 1_025 },
      { chunkBytes: 0 },
      { maxConcurrentWrites: 0 },
      { maxPageItems: 10_001 },
      { maxByte: 1 },
    ];
    for (const options of refused) {
      const opening = openObjectStore({ root: folder.join("root"), ...options });
      await expect(opening, JSON.stringify(options)).rejects.toMatchObject({
        code: "KING_OPTION_INVALID",
      });
    }
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("come from the call, then from the config; a locked one cannot be changed by the call", async () => {
    await using folder = await temporaryFolder();
    const config = defineConfig({
      sections: [objectstoreSection],
      operator: {
        policy: { lock: ["objectstore.maxKeyBytes"] },
        objectstore: { maxKeyBytes: 3, maxObjectBytes: 5 },
      },
    });
    const root = folder.join("root");
    const locked = openObjectStore({ root, config, maxKeyBytes: 9 });
    await expect(locked).rejects.toMatchObject({ code: "KING_CONFIG_LOCKED" });
    await using store = await openObjectStore({ root, config, maxObjectBytes: 6 });
    await store.put("abc", content.subarray(0, 6));
    await expect(store.put("abcd", content)).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_KEY_INVALID",
    });
    await expect(store.put("abc", content)).rejects.toMatchObject({
      code: "KING_OBJECTSTORE_OBJECT_LIMIT",
      details: { maxObjectBytes: 6 },
    });
  });

  test("of a call are refused when they are unknown", async () => {
    await using place = await openedStore();
    const wrong = { contenttype: "text/plain" } as object;
    const refused = { code: "KING_OPTION_INVALID" };
    await expect(place.store.put("k", content, wrong)).rejects.toMatchObject(refused);
    await expect(place.store.get("k", wrong)).rejects.toMatchObject(refused);
    await expect(place.store.head("k", wrong)).rejects.toMatchObject(refused);
    await expect(place.store.list(wrong)).rejects.toMatchObject(refused);
    await expect(place.store.delete("k", wrong)).rejects.toMatchObject(refused);
  });

  test("refuse a content type that could not stand in a header field", async () => {
    await using place = await openedStore();
    for (const contentType of ["", " text/plain", "a\r\nb: c", "é", "x".repeat(256), 7]) {
      const putting = place.store.put("k", content, { contentType: contentType as string });
      await expect(putting, String(contentType)).rejects.toMatchObject({
        code: "KING_OPTION_INVALID",
        details: { option: "contentType" },
      });
    }
    const worst = `"${"\\".repeat(253)}"`;
    for (const key of ["k", '"'.repeat(128), '"'.repeat(129), '\\"'.repeat(512)]) {
      const info = await place.store.put(key, content, { contentType: worst });
      expect(info.contentType).toBe(worst);
      expect(await place.store.head(key)).toEqual(info);
    }
  });
});

describe("closing", () => {
  test("waits for the puts and reads under way, and refuses new work", async () => {
    await using place = await openedStore();
    const { store } = place;
    await store.put("large", Buffer.alloc(1_000_000));
    const { source, asked, letGo } = heldSource();
    const putting = store.put("k", source);
    await asked;
    const blob = await store.get("large");
    expect(store.state).toBe("open");
    const closing = store.close();
    expect(store.state).toBe("draining");
    for (const work of [
      store.put("x", content),
      store.get("x"),
      store.head("x"),
      store.list(),
      store.delete("x"),
    ])
      await expect(work).rejects.toSatisfy(isClosed);
    let length = 0;
    for await (const chunk of blob?.body ?? []) length += chunk.length;
    expect(length).toBe(1_000_000);
    expect(store.state).toBe("draining");
    letGo();
    expect((await putting).size).toBe(2 * content.length);
    await closing;
    expect(store.state).toBe("closed");
    expect(await store.closed).toEqual({ by: "local", clean: true });
    expect((await place.reopen()).stats().objects).toBe(2);
  });

  test("cuts off at the deadline what is not over by then, and still resolves", async () => {
    const clock = testClock();
    await using place = await openedStore({ clock });
    const { store } = place;
    const { source, asked } = heldSource();
    const putting = store.put("k", source);
    await asked;
    await store.put("large", Buffer.alloc(1_000_000));
    const blob = await store.get("large");
    const closing = store.close({ deadlineMs: 5_000, reason: "tired" });
    const settled = expect(putting).rejects.toSatisfy(isClosed);
    await clock.advanceAsync(4_999);
    expect(store.state).toBe("draining");
    await clock.advanceAsync(1);
    await closing;
    await settled;
    await expect(async () => {
      for await (const _ of blob?.body ?? []);
    }).rejects.toSatisfy(isClosed);
    expect(await store.closed).toEqual({ by: "local", clean: false, reason: "tired" });
    expect(clock.pendingTimers).toBe(0);
    expect(await readdir(`${place.root}/tmp`)).toEqual([]);
  });

  test("becomes an abort when its signal fires", async () => {
    await using place = await openedStore();
    const { source, asked } = heldSource();
    const putting = expect(place.store.put("k", source)).rejects.toSatisfy(isClosed);
    await asked;
    const controller = new AbortController();
    const closing = place.store.close({ signal: controller.signal });
    controller.abort();
    await closing;
    await putting;
    expect((await place.store.closed).clean).toBe(false);
  });

  test("is one closing however often it is asked for", async () => {
    await using place = await openedStore();
    using closes = recordDiagnostics("king:objectstore:close");
    await Promise.all([
      place.store.close(),
      place.store.close(),
      place.store[Symbol.asyncDispose](),
    ]);
    await place.store.close();
    place.store.abort();
    expect(closes.values).toEqual([{ store: place.store.id, clean: true }]);
    expect(await place.store.closed).toEqual({ by: "local", clean: true });
  });

  test("leaves no timer, listener or open file behind", async () => {
    const fileSystem = instrumentedFileSystem();
    const watch = watchResources();
    await using place = await openedStore({ fileSystem });
    const { signal } = new AbortController();
    for (let index = 0; index < 100; index++) {
      await place.store.put(`${index}/k`, content, { signal });
      await readBlob(place.store, `${index}/k`);
    }
    await place.store.put("large", Buffer.alloc(1_000_000));
    await using _unread = await place.store.get("large");
    await place.store.close({ deadlineMs: 0 });
    expect(fileSystem.open.size).toBe(0);
    await watch.settled();
  });
});

describe("aborting", () => {
  test("ends puts and reads with its reason, and leaves no temporary file", async () => {
    const fileSystem = instrumentedFileSystem();
    await using place = await openedStore({ fileSystem });
    const { store } = place;
    await store.put("large", Buffer.alloc(1_000_000));
    const { source, asked } = heldSource();
    const putting = store.put("k", source);
    await asked;
    const idle = await store.get("large");
    const reading = await store.get("large");
    const body = reading?.body[Symbol.asyncIterator]();
    await body?.next();
    const reason = new Error("the disk is being taken out");
    store.abort(reason);
    await expect(putting).rejects.toBe(reason);
    await expect(body?.next()).rejects.toBe(reason);
    await expect(idle?.body[Symbol.asyncIterator]().next()).rejects.toBe(reason);
    expect(await store.closed).toMatchObject({ clean: false, error: reason });
    expect(fileSystem.open.size).toBe(0);
    expect(await readdir(`${place.root}/tmp`)).toEqual([]);
  });

  for (const step of ["createFile", "write", "fdatasync", "close", "lstat"] as const) {
    test(`a put during its ${step} leaves neither object nor temporary file`, async () => {
      const fileSystem = instrumentedFileSystem();
      await using place = await openedStore({ fileSystem });
      await place.store.put("old", content);
      const controller = new AbortController();
      const reason = new Error("enough");
      fileSystem.before = ({ name }) => {
        if (name === step) controller.abort(reason);
      };
      const { signal } = controller;
      await expect(place.store.put("k", content, { signal })).rejects.toBe(reason);
      fileSystem.before = undefined;
      expect(await place.store.head("k")).toBeUndefined();
      expect(await readdir(`${place.root}/tmp`)).toEqual([]);
      expect(place.store.stats()).toMatchObject({ objects: 1, reservedBytes: 0, openPuts: 0 });
    });
  }

  test("a put after its rename is too late: it succeeds", async () => {
    const fileSystem = instrumentedFileSystem();
    await using place = await openedStore({ fileSystem });
    await place.store.put("old", content);
    const controller = new AbortController();
    fileSystem.before = ({ name }) => {
      if (name === "fsync") controller.abort(new Error("enough"));
    };
    const info = await place.store.put("k", content, { signal: controller.signal });
    fileSystem.before = undefined;
    expect(await place.store.head("k")).toEqual(info);
  });
});

describe("as a component", () => {
  test("is drained and stopped by its system, and tells health and numbers", async () => {
    await using place = await openedStore({ maxBytes: 10 });
    const component = place.store.component({ name: "objects" });
    const system = createSystem({ components: [component] });
    await system.start();
    await place.store.put("k", content);
    expect(component.health?.()).toEqual({ status: "healthy" });
    expect(component.stats?.()).toMatchObject({ objects: 1, bytes: 7, puts: 1, openPuts: 0 });
    await place.store.put("l", content.subarray(0, 3));
    expect(component.health?.()).toEqual({ status: "degraded", reason: "maxBytes is used up" });
    await system.drain({ deadlineMs: 1_000 });
    expect(place.store.state).toBe("closed");
    expect(component.health?.()).toMatchObject({ status: "unhealthy" });
    expect(() => component.start({ signal: new AbortController().signal })).toThrow(
      expect.toSatisfy(isClosed),
    );
  });
});

describe("a store whose root is gone", () => {
  const held = [
    ["with objects that were put", ["k", "dir/k", `${"x".repeat(300)}1`]],
    ["that holds nothing", []],
  ] as const;
  for (const [form, keys] of held) {
    test(`${form} fails, and calls nothing missing`, async () => {
      await using place = await openedStore();
      const { store, root } = place;
      for (const key of keys) await store.put(key, content);
      // What was looked at once is remembered.
      for (const key of keys) expect(await store.head(key)).toBeDefined();
      await rename(root, `${root}-elsewhere`);
      const works: Record<string, () => Promise<unknown>> = {
        "list all": () => store.list(),
        "list dir": () => store.list({ prefix: "dir/" }),
        "list a folder that never was": () => store.list({ prefix: "other/" }),
        "list long keys": () => store.list({ prefix: "x".repeat(300) }),
        put: () => store.put("k", content),
      };
      for (const key of ["k", "dir/k", "other/k", `${"x".repeat(300)}1`]) {
        works[`get ${key}`] = () => store.get(key);
        works[`head ${key}`] = () => store.head(key);
        works[`delete ${key}`] = () => store.delete(key);
      }
      for (const [name, work] of Object.entries(works)) {
        await expect(work(), name).rejects.toMatchObject({
          code: "KING_OBJECTSTORE_IO",
          details: { errno: "ENOENT", visible: false },
        });
      }
      expect(await store.component().health?.()).toMatchObject({ status: "degraded" });
      expect(store.stats()).toMatchObject({ openPuts: 0, openReads: 0, objects: keys.length });

      await rename(`${root}-elsewhere`, root);
      for (const key of keys) expect(await store.head(key), key).toBeDefined();
      expect(await store.get("other/k")).toBeUndefined();
      expect(await store.list({ prefix: "other/" })).toEqual({ items: [] });
    });
  }

  test("and has a file in its place fails too", async () => {
    await using place = await openedStore();
    await rename(`${place.root}/objects`, `${place.root}/elsewhere`);
    await writeFile(`${place.root}/objects`, "");
    const refused = { code: "KING_OBJECTSTORE_IO", details: { errno: "ENOTDIR" } };
    await expect(place.store.get("k")).rejects.toMatchObject(refused);
    await expect(place.store.list()).rejects.toMatchObject(refused);
  });

  test("costs a miss one look at the top folder, and a hit none", async () => {
    const fileSystem = instrumentedFileSystem();
    await using place = await openedStore({ fileSystem });
    await place.store.put("k", content);
    const taken = () => fileSystem.calls.splice(0).map(({ name, on }) => `${name} ${on}`);
    taken();
    expect(await place.store.get("other")).toBeUndefined();
    expect(taken()).toEqual(["openFile objects/other.o", "lstat objects"]);
    expect(await place.store.delete("other")).toBe(false);
    expect(taken()).toEqual(["lstat objects/other.o", "lstat objects"]);
    await place.store.head("k");
    await place.store.list();
    expect(taken()).not.toContain("lstat objects");
  });
});
