import fc from "fast-check";
import type { ScalarType } from "../src/scalar-type.ts";
import type { Profile } from "../src/schema.ts";

/** A scalar as decoding gives it. */
export type Scalar = number | bigint | boolean | string | Uint8Array;

/** What encoding is given, and what decoding gives for it. */
export interface Sample<Input, Sent> {
  readonly input: Input;
  readonly sent: Sent;
}

/** Values of a scalar type, boundaries often. */
export function arbitraryScalar(
  type: ScalarType,
  profile: Profile,
): fc.Arbitrary<Sample<unknown, Scalar>> {
  switch (type) {
    case "bool":
      return fc.boolean().map(same);
    case "string":
      return text.map(same);
    case "bytes":
      return fc.tuple(bytes, fc.boolean()).map(([sent, asBuffer]) => ({
        input: asBuffer ? Buffer.from(sent) : sent,
        sent,
      }));
    case "double":
      return double.map(same);
    case "float":
      return fc
        .oneof(double, fc.float())
        .filter((value) => value === 0 || Math.fround(value) !== 0)
        .map((input) => ({ input, sent: Math.fround(input) }));
    default: {
      const unsigned = type.startsWith("u") || type.startsWith("f");
      if (!type.endsWith("64")) return integer32(unsigned).map(same);
      return fc.tuple(integer64(unsigned, profile), fc.boolean()).map(([sent, asNumber]) => ({
        input: asNumber && Number.isSafeInteger(Number(sent)) ? Number(sent) : sent,
        sent,
      }));
    }
  }
}

function same<T>(value: T): Sample<T, T> {
  return { input: value, sent: value };
}

const double = fc.oneof(
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    1,
    -1,
    NaN,
    Infinity,
    -Infinity,
    0.1,
    1e300,
    5e-324,
    3.4028235677973366e38,
  ),
  fc.integer(),
);

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(0, 1, 15, 16, 127, 128, 129, 16_384).map((size) => new Uint8Array(size).fill(7)),
);

// Where a codec may change its ways: the sizes of length prefixes, and of loops that are unrolled.
const lengths = [
  0, 1, 3, 8, 12, 15, 16, 17, 23, 24, 25, 31, 32, 33, 42, 43, 44, 63, 64, 65, 85, 127, 128, 300,
];

/** Text without lone surrogates, which has no UTF-8. */
const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary-ascii", maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc
    .tuple(fc.constantFrom("a", "é", "漢", "😀", "\u07ff", "\uffff"), fc.constantFrom(...lengths))
    .map(([unit, length]) => unit.repeat(length)),
  fc
    .tuple(fc.constantFrom("é", "漢", "😀"), fc.constantFrom(...lengths))
    .map(([last, length]) => "a".repeat(length) + last),
  fc.constantFrom(5_461, 5_462, 16_384, 22_000).map((length) => "x".repeat(length)),
);

function integer32(unsigned: boolean): fc.Arbitrary<number> {
  const [min, max] = unsigned ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
  return fc.oneof(
    fc.integer({ min, max }),
    fc.integer({ min: Math.max(min, -200), max: 200 }),
    fc.constantFrom(...edges(BigInt(min), BigInt(max)).map(Number)),
  );
}

function integer64(unsigned: boolean, profile: Profile): fc.Arbitrary<bigint> {
  const min = unsigned ? 0n : -(2n ** 63n);
  // PHP has no larger integers.
  const max = unsigned && profile === "protobuf" ? 2n ** 64n - 1n : 2n ** 63n - 1n;
  return fc.oneof(
    fc.bigInt({ min, max }),
    fc
      .maxSafeInteger()
      .map(BigInt)
      .filter((value) => value >= min),
    fc.constantFrom(...edges(min, max)),
  );
}

/** Both ends of the range, and both sides of each power of 2 at which varints or numbers change. */
function edges(min: bigint, max: bigint): bigint[] {
  const exponents = [0, 7, 14, 21, 28, 31, 32, 35, 42, 49, 53, 56, 63].map(BigInt);
  const around = exponents.flatMap((exponent) =>
    [-1n, 0n, 1n].flatMap((step) => [2n ** exponent + step, -(2n ** exponent) + step]),
  );
  return [min, max, ...around.filter((value) => value >= min && value <= max)];
}
