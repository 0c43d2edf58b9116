import { readBlob, recordDiagnostics, recordTelemetry, testTelemetry } from "@king-runtime/testkit";
import { SpanKind } from "@opentelemetry/api";
import { describe, expect, test } from "vitest";
import { type OpenedStore, openedStore } from "./opened-store.ts";

const content = Buffer.from("content");
const metric = (operation: string, outcome = "ok") => ({ operation, outcome });

testTelemetry<OpenedStore>({
  name: "objectstore",
  open: () => openedStore(),
  async run({ store }) {
    await store.put("k", content);
    expect((await readBlob(store, "k")).length).toBe(7);
    expect(await store.head("none")).toBeUndefined();
    expect((await store.list()).items).toHaveLength(1);
    expect(await store.delete("k")).toBe(true);
  },
  close: async (place) => {
    await place[Symbol.asyncDispose]();
  },
  spans: [
    ["put", { "king.objectstore.key": "k", "king.objectstore.bytes": 7 }] as const,
    ["get", { "king.objectstore.key": "k", "king.objectstore.bytes": 7 }] as const,
    ["head", { "king.objectstore.key": "none" }] as const,
    ["list", {}] as const,
    ["delete", { "king.objectstore.key": "k" }] as const,
  ].map(([operation, attributes]) => ({
    name: `objectstore.${operation}`,
    kind: SpanKind.INTERNAL,
    attributes,
    parent: "caller",
  })),
  metrics: [
    ...[
      metric("put"),
      metric("get"),
      metric("head", "missing"),
      metric("list"),
      metric("delete"),
    ].flatMap((attributes) => [
      {
        name: "king.objectstore.operations",
        unit: "{operation}",
        kind: "counter" as const,
        attributes,
        value: 1,
      },
      {
        name: "king.objectstore.operation.duration",
        unit: "s",
        kind: "histogram" as const,
        attributes,
        value: 1,
      },
    ]),
    { name: "king.objectstore.written", unit: "By", kind: "counter", value: 7 },
    { name: "king.objectstore.read", unit: "By", kind: "counter", value: 7 },
  ],
});

describe("telemetry of failures", () => {
  test("marks the span as failed and counts by code, not by what callers throw", async () => {
    await using telemetry = recordTelemetry();
    await using place = await openedStore({ maxBytes: 1 });
    const fault = new Error("secret of the caller");
    await expect(place.store.put("k", content)).rejects.toThrow();
    async function* broken() {
      yield content.subarray(0, 1);
      throw fault;
    }
    await expect(place.store.put("k", broken())).rejects.toBe(fault);
    const spans = (await telemetry.spans()).filter(({ name }) => name === "objectstore.put");
    expect(spans.map(({ failed, attributes }) => [failed, attributes["error.type"]])).toEqual([
      [true, "KING_OBJECTSTORE_QUOTA"],
      [true, "_OTHER"],
    ]);
    const operations = (await telemetry.metrics()).find(
      ({ name }) => name === "king.objectstore.operations",
    );
    const failed = { operation: "put", outcome: "error" };
    expect(operations?.points).toEqual([
      { attributes: { ...failed, "error.type": "KING_OBJECTSTORE_QUOTA" }, value: 1 },
      { attributes: { ...failed, "error.type": "_OTHER" }, value: 1 },
    ]);
  });
});

describe("diagnostics", () => {
  test("tell of opening, puts, deletes and closing, in order of effect", async () => {
    using opens = recordDiagnostics("king:objectstore:open");
    using puts = recordDiagnostics("king:objectstore:put");
    using deletes = recordDiagnostics("king:objectstore:delete");
    await using place = await openedStore();
    const { id, root } = place.store;
    const { sha256 } = await place.store.put("k", content);
    await place.store.put("k", content);
    await place.store.delete("k");
    await place.store.delete("k");
    expect(opens.values).toEqual([
      { store: id, root, objects: 0, bytes: 0, removedTemporaryFiles: 0 },
    ]);
    const told = { store: id, key: "k", size: 7, sha256 };
    expect(puts.values).toEqual([
      { ...told, replaced: false },
      { ...told, replaced: true },
    ]);
    expect(deletes.values).toEqual([{ store: id, key: "k", size: 7 }]);
  });
});
