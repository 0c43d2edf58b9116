import { type BlobInfo, type ByteRange, KingError } from "@king-runtime/core";
import { inKeyOrder, listKeys, readBlob } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withoutSyncs } from "./instrumented-file-system.ts";
import { openedStore } from "./opened-store.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const keyParts = ["a", "b", "A", "%", ".o", ".d", "..x", "é", "😀", "__proto__", " ", "~", "\\"];

const segment = fc
  .oneof(
    { weight: 6, arbitrary: fc.constantFrom(...keyParts) },
    { weight: 2, arbitrary: fc.string({ minLength: 1, maxLength: 12, unit: "binary" }) },
    { weight: 1, arbitrary: fc.integer({ min: 70, max: 260 }).map((count) => "s".repeat(count)) },
  )
  .filter((text) => text !== "." && text !== ".." && !/[/\p{Cc}]/u.test(text));

const key = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join("/"))
  .filter((text) => text.isWellFormed() && Buffer.byteLength(text) <= 1_024);

const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 0, max: 9_000 }).map((size) => new Uint8Array(size).fill(size % 251)),
);

/** A few keys, so that commands meet on them. */
const commands = fc.array(key, { minLength: 1, maxLength: 6 }).chain((keys) =>
  fc.array(
    fc.record({
      do: fc.constantFrom("put", "stream", "get", "delete", "list", "prefix", "reopen" as const),
      key: fc.constantFrom(...keys),
      content,
      limit: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 20 },
  ),
);

describe("any sequence of calls", () => {
  test("has the outcome it has on a map", { timeout: 20_000 + numRuns * 500 }, async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const maxBytes = 20_000;
        await using place = await openedStore({
          maxBytes,
          chunkBytes: 1_024,
          fileSystem: withoutSyncs,
        });
        const model = new Map<string, Uint8Array>();
        const used = () => [...model.values()].reduce((sum, { length }) => sum + length, 0);
        for (const step of sequence) {
          const { store } = place;
          if (step.do === "put" || step.do === "stream") {
            const source = step.do === "put" ? step.content : [step.content];
            const putting = store.put(step.key, source);
            if (used() + step.content.length > maxBytes) {
              await expect(putting).rejects.toSatisfy((error) =>
                KingError.is(error, "KING_OBJECTSTORE_QUOTA"),
              );
            } else {
              await putting;
              model.set(step.key, step.content);
            }
          } else if (step.do === "get") {
            const wanted = model.get(step.key);
            if (wanted === undefined) expect(await store.get(step.key)).toBeUndefined();
            else expect(await readBlob(store, step.key)).toEqual(wanted);
          } else if (step.do === "delete") {
            expect(await store.delete(step.key)).toBe(model.delete(step.key));
          } else if (step.do === "reopen") {
            await place.reopen();
          } else {
            const prefix = step.do === "list" ? "" : firstHalf(step.key);
            const wanted = inKeyOrder(model.keys()).filter((one) => one.startsWith(prefix));
            expect(await listKeys(store, { prefix, limit: step.limit })).toEqual(wanted);
          }
          expect(place.store.stats()).toMatchObject({
            bytes: used(),
            objects: model.size,
            reservedBytes: 0,
          });
        }
        for (const [one, wanted] of model) expect(await readBlob(place.store, one)).toEqual(wanted);
      }),
      { numRuns },
    );
  });
});

function firstHalf(text: string): string {
  const characters = [...text];
  return characters.slice(0, Math.ceil(characters.length / 2)).join("");
}

describe("any text as a key", () => {
  test("is stored under that key, or refused as KING_OBJECTSTORE_KEY_INVALID", {
    timeout: 20_000 + numRuns * 100,
  }, async () => {
    await using place = await openedStore({ fileSystem: withoutSyncs });
    const unit = fc.constantFrom("/", ".", "a", "\0", "\ud800", "\udc00", "é", "%", "\\", "-");
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit, maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(text, async (one) => {
        let info: BlobInfo;
        try {
          info = await place.store.put(one, Buffer.from(one));
        } catch (error) {
          expect(KingError.is(error, "KING_OBJECTSTORE_KEY_INVALID"), String(error)).toBe(true);
          await expect(place.store.get(one)).rejects.toMatchObject({
            code: "KING_OBJECTSTORE_KEY_INVALID",
          });
          return;
        }
        expect(info.key).toBe(one);
        expect((await place.store.list({ prefix: one, limit: 1 })).items[0]?.key).toBe(one);
        expect(await place.store.delete(one)).toBe(true);
      }),
      { numRuns: 5 * numRuns },
    );
  });
});

describe("any range", () => {
  // Below one read, below one block, and of several blocks with a short one last.
  for (const size of [0, 1, 5_000, 100_000, 262_144, 700_001]) {
    test(`of an object of ${size} bytes gives what slice gives, or is refused`, {
      timeout: 20_000 + numRuns * 100,
    }, async () => {
      await using place = await openedStore({ chunkBytes: 65_536 });
      const whole = Uint8Array.from(
        { length: size },
        (_, index) => (index * 31 + (index >> 8)) % 256,
      );
      await place.store.put("k", whole);
      const near = fc.oneof(
        fc.integer({ min: 0, max: size + 3 }),
        fc.constantFrom(0, 1, size - 1, size, 262_143, 262_144, 262_145, 524_288),
      );
      const position = near.filter((value) => value >= 0);
      const range: fc.Arbitrary<ByteRange> = fc.oneof(
        fc.record({ start: position, length: position.filter((value) => value > 0) }),
        fc.record({ start: position }),
        fc.record({ suffixLength: position }),
      );
      await fc.assert(
        fc.asyncProperty(range, async (one) => {
          const start = "start" in one ? one.start : Math.max(0, size - one.suffixLength);
          const wanted =
            "start" in one ? whole.slice(start, start + (one.length ?? size)) : whole.slice(start);
          if (wanted.length === 0) {
            await expect(place.store.get("k", { range: one })).rejects.toMatchObject({
              code: "KING_OBJECTSTORE_RANGE_UNSATISFIABLE",
              details: { size },
            });
            return;
          }
          await using blob = await place.store.get("k", { range: one });
          expect(blob).toMatchObject({ start, length: wanted.length });
          expect(Buffer.compare(await readBlob(place.store, "k", one), wanted)).toBe(0);
        }),
        { numRuns: Math.ceil(numRuns / 2) },
      );
    });
  }
});
