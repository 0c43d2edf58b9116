import type { SchemaName } from "./definitions.ts";

const texts = [
  "",
  "sensor-00042",
  "Zoë Müller ✓",
  "山田太郎と花子様",
  "🦊 and 𝒳",
  "a".repeat(200),
  "ü".repeat(200),
  "🦊".repeat(3_000),
];

const signed = [0n, 1n, -1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const unsigned = [0n, 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 64n - 1n];

const wide = {
  int64: signed,
  uint64: unsigned,
  sint64: signed,
  fixed64: unsigned,
  sfixed64: signed,
  bytes: [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, index) => index)],
  texts: { ...Object.fromEntries(texts.map((text) => [text, text])), ["__proto__"]: "own" },
  counts: new Map([
    [2n ** 64n - 1n, Number.NaN],
    [7n, -0],
  ]),
  flags: { true: 0.5, false: Number.POSITIVE_INFINITY },
  smalls: { [-5]: { id: 5 }, 6: {} },
};

/** What each schema is given to encode. */
export const messages: Readonly<Record<SchemaName, readonly object[]>> = {
  Small: texts.map((name, id) => ({
    id,
    ts: 1_760_000_000_000 + id,
    value: id / 3,
    name,
    ok: true,
  })),
  Medium: [
    {},
    {
      uuid: "6f9619ff-8b86-d011-b42d-00c04fc964ff",
      created: 1_760_000_000_000,
      updated: 1_760_086_400_000n,
      name: "Ada Lovelace",
      email: "ada.lovelace@example.org",
      level: "HIGH",
      active: true,
      visits: 4_711,
      balance: -12_345,
      score: 98.765_432_1,
      ratio: 0.5625,
      home: { lat: 52.52, lon: 13.405 },
      scores: [3, 270, -86_942],
      tags: texts,
      attrs: { color: "blau", größe: "groß" },
      avatar: Uint8Array.from({ length: 48 }, (_, index) => (index * 37) & 255),
      color: 0xff_88_00_00,
      offset: -7_200_000,
      total: 9_007_199_254_740_991,
      note: "last seen near the gate",
    },
  ],
  Wide: [wide, { inner: { inner: wide } }],
};

/** Bytes that are no UTF-8, as the value of a text field. */
const badTexts: readonly (readonly number[])[] = [
  [0x80],
  [0xc3, 0x28],
  [0xc0, 0x80],
  [0xe0, 0x80, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0xe2, 0x82],
];

/** Bytes that are no `Small`: bad text, short and long, and a message cut short. */
export const badBytes: readonly Uint8Array[] = [
  ...badTexts.map((text) => Uint8Array.from([0x22, text.length, ...text])),
  ...badTexts.map((text) =>
    Uint8Array.from([0x22, 0x80 | text.length, 0x02, ...new Uint8Array(256).fill(0x61), ...text]),
  ),
  Uint8Array.of(0x22, 0x05, 0x61),
  Uint8Array.of(0x08, 0x80),
];

/** Texts that UTF-8 cannot hold. */
export const badTextsOfPrograms = [
  "\ud800",
  "a\udc00b",
  `${"a".repeat(300)}\ud800`,
  `\udc00${"ü".repeat(300)}`,
];
