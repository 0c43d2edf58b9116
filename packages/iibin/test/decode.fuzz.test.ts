import { KingError, seededRandom } from "@king-runtime/core";
import { expect, test } from "vitest";
import { type Codec, createCodec } from "../src/codec.ts";
import { defineEnum } from "../src/enum.ts";
import { defineSchema, type Profile } from "../src/schema.ts";
import { printValue } from "./print-value.ts";

const runs = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const timeoutMs = 30_000 + runs;

const Level = defineEnum("Level", { LOW: 0, HIGH: 1 });
/** Every type, alone, in lists of both forms and in maps, and itself. */
const fields = {
  double: { tag: 1, type: "double" },
  float: { tag: 2, type: "float", repeated: true, packed: true },
  int32: { tag: 3, type: "int32", repeated: true, packed: true },
  int64: { tag: 4, type: "int64", repeated: true, packed: false },
  uint32: { tag: 5, type: "uint32" },
  uint64: { tag: 6, type: "uint64" },
  sint32: { tag: 7, type: "sint32" },
  sint64: { tag: 8, type: "sint64", repeated: true, packed: true },
  fixed32: { tag: 9, type: "fixed32" },
  fixed64: { tag: 10, type: "fixed64" },
  bool: { tag: 11, type: "bool", repeated: true, packed: true },
  string: { tag: 12, type: "string" },
  bytes: { tag: 13, type: "bytes" },
  level: { tag: 14, type: Level },
  self: { tag: 15, type: "Fuzz" },
  selves: { tag: 16, type: "Fuzz", repeated: true },
  names: { tag: 17, type: "string", map: "string" },
  byId: { tag: 18, type: "Fuzz", map: "uint64" },
  left: { tag: 19, type: "int32", oneof: "side" },
  right: { tag: 20, type: "Fuzz", oneof: "side" },
  far: { tag: 2_000, type: "bool" },
} as const;

/** Pieces of messages that make trouble more often than chance would. */
const pieces = [
  "0a",
  "7a",
  "8201",
  "8a01",
  "9201",
  "9a01",
  "a201",
  "62",
  "6a",
  "12",
  "1a",
  "42",
  "5a",
  "807d",
  "7b",
  "7c",
  "00",
  "01",
  "02",
  "04",
  "08",
  "7f",
  "80",
  "ff01",
  "ffffffff07",
  "ffffffff0f",
  "ffffffffffffffffff01",
  "ffffffffffffffffff02",
  "80808080808080808000",
  "c328",
  "eda080",
  "f0908080",
  "61",
  "0000000000000000",
].map((hex) => Buffer.from(hex, "hex"));

for (const profile of ["protobuf", "king"] as Profile[])
  test(
    `whatever bytes come, profile ${profile} decodes or refuses them, in bounded memory and time`,
    () => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      const random = seededRandom(seed);
      const below = (limit: number) => Math.floor(random.next() * limit);
      const schema = defineSchema("Fuzz", fields, { profile });
      const options = { unknownFields: "keep" } as const;
      const generated: Codec<object, object> = createCodec(schema, options);
      const closures: Codec<object, object> = createCodec(schema, { ...options, generate: false });
      const counts = { decoded: 0, refused: 0 };
      const corpus: Uint8Array[] = [new Uint8Array(0)];
      const start = process.memoryUsage();
      for (let run = 0; run < runs; run++) {
        const bytes = alter(corpus[below(corpus.length)] as Uint8Array, below);
        const context = `seed ${seed}, run ${run}: ${Buffer.from(bytes).toString("hex")}`;
        const decoded = attempt(() => generated.decode(bytes), context);
        counts[decoded === undefined ? "refused" : "decoded"]++;
        if (run % 16 === 0) {
          const other = attempt(() => closures.decode(bytes), context);
          expect(printValue(other), context).toBe(printValue(decoded));
        }
        if (decoded === undefined) continue;
        // What was decoded can be written, in no more than was read and what canonical forms add.
        const again = generated.encode(decoded);
        expect(again.length, context).toBeLessThanOrEqual(bytes.length * 16 + 16);
        expect(printValue(generated.decode(again)), context).toBe(printValue(decoded));
        // What is accepted becomes the start of something new.
        corpus[corpus.length < 500 ? corpus.length : below(500)] = bytes;
      }
      const end = process.memoryUsage();
      expect(counts.decoded, `seed ${seed}`).toBeGreaterThan(0);
      expect(counts.refused, `seed ${seed}`).toBeGreaterThan(0);
      expect(end.arrayBuffers - start.arrayBuffers, `seed ${seed}`).toBeLessThan(200_000_000);
      expect(end.heapUsed - start.heapUsed, `seed ${seed}`).toBeLessThan(400_000_000);
    },
    timeoutMs,
  );

/** The result, or nothing when the bytes were refused in one of the two ways there are. */
function attempt(decode: () => object, context: string): object | undefined {
  try {
    return decode();
  } catch (error) {
    if (KingError.is(error, "KING_IIBIN_WIRE_INVALID") || KingError.is(error, "KING_IIBIN_LIMIT"))
      return undefined;
    throw new Error(context, { cause: error });
  }
}

/** A copy with one to four things inserted, removed, changed or doubled; 400 bytes at most. */
function alter(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  let result = [...bytes];
  for (let change = below(4); change >= 0; change--) {
    const at = below(result.length + 1);
    switch (below(6)) {
      case 0:
        result.splice(at, 1 + below(4));
        break;
      case 1:
        result[at] = below(256);
        break;
      case 2:
        result.splice(at, 0, ...result.slice(at, at + below(20)));
        break;
      case 3: {
        // What is there becomes a message in a field of this one.
        const key = [[0x7a], [0x82, 1], [0xa2, 1], [0x92, 1]][below(4)] as number[];
        if (result.length < 128) result = [...key, result.length, ...result];
        break;
      }
      default:
        result.splice(at, 0, ...(pieces[below(pieces.length)] as Buffer));
    }
  }
  return Uint8Array.from(result.slice(0, 400));
}
