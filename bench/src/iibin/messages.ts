/** The messages that are measured, as plain data: 64-bit integers are numbers, enum values as well. */
export interface Small {
  readonly id: number;
  readonly ts: number;
  readonly value: number;
  readonly name: string;
  readonly ok: boolean;
}

export interface Medium {
  readonly uuid: string;
  readonly created: number;
  readonly updated: number;
  readonly name: string;
  readonly email: string;
  readonly level: number;
  readonly active: boolean;
  readonly visits: number;
  readonly balance: number;
  readonly score: number;
  readonly ratio: number;
  readonly home: { readonly lat: number; readonly lon: number };
  readonly scores: readonly number[];
  readonly tags: readonly string[];
  readonly attrs: Readonly<Record<string, string>>;
  readonly avatar: Uint8Array;
  readonly color: number;
  readonly offset: number;
  readonly total: number;
  readonly note: string;
}

export interface Large {
  readonly rows: readonly Small[];
}

export type Schema = "Small" | "Medium" | "Large";

/** One kind of content: several values of one schema, of one size on the protobuf wire. */
export interface Content {
  readonly schema: Schema;
  /** Of each value. */
  readonly protobufBytes: number;
  /** Of the first value; `avatar` counts as base64. */
  readonly jsonBytes: number;
  /** Several, so that nothing can be constant. */
  values(): readonly object[];
}

const start = 1_760_000_000_000;

/** Smalls of one size, whose names are those given. */
function smalls(names: readonly string[]): Small[] {
  return names.map((name, index) => ({
    id: 42 + index,
    ts: start + index * 7_919,
    value: 21.40625 + index,
    name,
    ok: true,
  }));
}

function medium(index: number): Medium {
  const digit = index.toString(16);
  return {
    uuid: `6f9619ff-8b86-d011-b42d-00c04fc964f${digit}`,
    created: start + index,
    updated: start + 86_400_000 + index,
    name: `Ada Lovelace ${digit}`,
    email: `ada.lovelace.${digit}@example.org`,
    level: 1 + (index & 1),
    active: true,
    visits: 4_711 + index,
    balance: -12_345 - index,
    score: 98.765_432_101_234_5 + index,
    ratio: 0.5625 + index,
    home: { lat: 52.520_008_123_456, lon: 13.404_954_123 + index },
    scores: [3, 270, 86_942, index + 1, 42, 1_000],
    tags: ["alpha", "beta", `gamma${digit}`],
    attrs: { color: "blue", shape: `round-${digit}` },
    avatar: Uint8Array.from({ length: 48 }, (_, at) => (at * 37 + index) & 255),
    color: 0xff_88_00_00 + index,
    offset: -7_200_000 - index,
    total: 9_007_199_254_740_000 + index,
    note: `last seen near the gate ${digit}`,
  };
}

/** Rows whose ids and names grow, as those of a table do. */
function large(shift: number): Large {
  return {
    rows: Array.from({ length: 1_000 }, (_, index) => ({
      // Zero would not be written.
      id: index || 1,
      ts: start + index * 1_000 + shift,
      value: Math.round((10.5 + index * 0.326_219 + shift) * 1e6) / 1e6,
      name: `item-${index}`,
      ok: true,
    })),
  };
}

const sixteen = Array.from({ length: 16 }, (_, index) => index);
const letters = "abcdefghijklmnop";

export const contents = {
  Small: {
    schema: "Small",
    protobufBytes: 34,
    jsonBytes: 77,
    values: () => smalls(sixteen.map((index) => `sensor-000${42 + index}`)),
  },
  "Small, name Zoë Müller ✓": {
    schema: "Small",
    protobufBytes: 38,
    jsonBytes: 81,
    values: () => smalls(sixteen.map((index) => `Zo${"ëéäö"[index % 4]} Müller ✓`)),
  },
  "Small, name of 8 Japanese characters": {
    schema: "Small",
    protobufBytes: 46,
    jsonBytes: 89,
    values: () => smalls(sixteen.map((index) => `${"山川田森"[index % 4]}田太郎と花子様`)),
  },
  "Small, name of 200 characters": {
    schema: "Small",
    protobufBytes: 223,
    jsonBytes: 265,
    values: () => smalls(sixteen.map((index) => `${letters[index]}bcdefghi `.repeat(20))),
  },
  Medium: {
    schema: "Medium",
    protobufBytes: 308,
    jsonBytes: 583,
    values: () => sixteen.map(medium),
  },
  "Large, 1,000 rows": {
    schema: "Large",
    protobufBytes: 32_762,
    jsonBytes: 76_402,
    values: () => sixteen.slice(0, 4).map(large),
  },
} as const satisfies Record<string, Content>;

export type ContentName = keyof typeof contents;
