// Uses the installed @king-runtime/objectstore: what was put outlives the store, limits hold.
import { deepEqual, equal, rejects } from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { KingError } from "@king-runtime/core";
import { openObjectStore } from "@king-runtime/objectstore";

const root = await mkdtemp(join(import.meta.dirname, "store-"));
const text = new TextEncoder().encode("milk and two sugars");
{
  await using store = await openObjectStore({ root, maxObjectBytes: 1_000 });
  await store.put("tea/order.txt", [text], { contentType: "text/plain" });
  await rejects(store.put("tea/pot", [new Uint8Array(2_000)]), (error) =>
    KingError.is(error, "KING_OBJECTSTORE_OBJECT_LIMIT"),
  );
  await rejects(store.put("../tea", [text]), (error) =>
    KingError.is(error, "KING_OBJECTSTORE_KEY_INVALID"),
  );
}
{
  await using store = await openObjectStore({ root });
  await using opened = await store.get("tea/order.txt", { range: { start: 9, length: 3 } });
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened?.body ?? []) chunks.push(chunk);
  equal(Buffer.concat(chunks).toString(), "two");
  const { items } = await store.list({ prefix: "tea/" });
  deepEqual(
    items.map(({ key, size }) => [key, size]),
    [["tea/order.txt", text.byteLength]],
  );
  equal(await store.delete("tea/order.txt"), true);
  equal(await store.head("tea/order.txt"), undefined);
}
