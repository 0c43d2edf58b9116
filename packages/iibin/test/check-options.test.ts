import { describe, expect, test } from "vitest";
import { checkOptions } from "../src/check-options.ts";
import { defineEnum } from "../src/enum.ts";
import { fromKing } from "../src/from-king.ts";
import { fromJson } from "../src/json/from-json.ts";
import { fromJsonText } from "../src/json/from-json-text.ts";
import { toJson } from "../src/json/to-json.ts";
import { exportProto } from "../src/proto/export-proto.ts";
import { importProto } from "../src/proto/import-proto.ts";
import { defineSchema } from "../src/schema.ts";

const S = defineSchema("S", { a: { tag: 1, type: "uint64" } });

const refusal = (code: string, message: string, details: object) =>
  expect.objectContaining({ code, message: expect.stringContaining(message), details });

test("options that are absent, empty or known are taken, and so is an unknown one that is undefined", () => {
  for (const options of [undefined, {}, { a: 1 }, { b: undefined }])
    expect(checkOptions(options, ["a"])).toBe(undefined);
});

describe("definitions refuse", () => {
  const fields = { a: { tag: 1, type: "int32" } } as const;
  test.each<[what: string, define: () => unknown, message: string]>([
    [
      "an option of a schema that nobody reads",
      () => defineSchema("S", fields, { profil: "king" } as never),
      "schema S: profil: expected one of profile, registry, maxFields",
    ],
    [
      "options of a schema that are no object",
      () => defineSchema("S", fields, "king" as never),
      "schema S: options: expected an object, got a string of 4 characters",
    ],
    [
      "a registry that is none",
      () => defineSchema("S", fields, { registry: {} as never }),
      "schema S: registry: expected a Registry, got an object",
    ],
    ["fields in a list", () => defineSchema("S", [] as never), "expected an object of fields"],
    ...[Number.NaN, -1, 1.5, "9"].map((maxFields): [string, () => unknown, string] => [
      `${maxFields} as maxFields`,
      () => defineSchema("S", fields, { maxFields: maxFields as number }),
      "schema S: maxFields: expected an integer from 0 on, got ",
    ]),
    [
      "an option of an enum that nobody reads",
      () => defineEnum("S", {}, { allowAliases: true } as never),
      "enum S: allowAliases: expected one of registry, allowAlias",
    ],
    [
      "an enum's registry that is none",
      () => defineEnum("S", {}, { registry: [] as never }),
      "enum S: registry: expected a Registry, got an array",
    ],
    ...[null, undefined, 7, "AB", ["A"]].map((members): [string, () => unknown, string] => [
      `${JSON.stringify(members)} as members of an enum`,
      () => defineEnum("S", members as never),
      "enum S: expected an object of members, got ",
    ]),
    ...[null, undefined, 7, []].map((given): [string, () => unknown, string] => [
      `${JSON.stringify(given)} as fields of King's`,
      () => fromKing("S", given as never),
      "schema S: expected an object of fields, got ",
    ]),
  ])("%s", (_, define, message) => {
    expect(define).toThrow(refusal("KING_IIBIN_SCHEMA_INVALID", message, { schema: "S" }));
  });
});

describe("functions refuse", () => {
  test.each<[what: string, call: (options: never) => unknown, known: string]>([
    ["toJson", (options) => toJson(S, {}, options), "alwaysPrintFieldsWithNoPresence"],
    ["fromJson", (options) => fromJson(S, {}, options), "ignoreUnknownFields"],
    ["fromJsonText", (options) => fromJsonText(S, "{}", options), "ignoreUnknownFields"],
    ["exportProto", (options) => exportProto([S], options), "package"],
    ["importProto", (options) => importProto("", options), "fieldNames"],
  ])("options of %s that nobody reads, or that are no object", (_, call, known) => {
    const code = "KING_IIBIN_OPTION_INVALID";
    const misspelled = refusal(code, `mispelled: expected one of ${known}`, {
      option: "mispelled",
    });
    expect(() => call({ mispelled: 1 } as never)).toThrow(misspelled);
    for (const options of [null, 7, []])
      expect(() => call(options as never)).toThrow(
        refusal(code, "options: expected an object, got ", { option: "options" }),
      );
  });

  test.each([fromJson, (s: typeof S, _: unknown, o: never) => fromJsonText(s, "{}", o)])(
    "another form of 64 bits than bigint and number: %#",
    (read) => {
      expect(() => read(S, {}, { int64: "nope" } as never)).toThrow(
        refusal("KING_IIBIN_OPTION_INVALID", "int64: expected bigint or number, got a string", {
          option: "int64",
        }),
      );
    },
  );

  test("another package than text", () => {
    expect(() => exportProto([S], { package: 7 as never })).toThrow(
      refusal("KING_IIBIN_OPTION_INVALID", "package: expected text, got 7", { option: "package" }),
    );
  });
});
