import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { plane } from "../src/cli.ts";
import type {
  BreakRule,
  CodecOptions,
  FieldDefinition,
  FromJsonOptions,
  ImportProtoOptions,
  Profile,
  ScalarType,
  ToJsonOptions,
  WarningRule,
} from "../src/index.ts";
import * as exported from "../src/index.ts";
import { usualLimits as importLimits } from "../src/proto/import-proto.ts";
import { profileBehaviours } from "./profile-behaviours.ts";

const { iibinErrors, iibinSection } = exported;
const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);
const [
  fieldOptions,
  types,
  profileRows,
  functions,
  options,
  limits,
  importOptions,
  breaks,
  warnings,
  jsonOptions,
  commands,
  errors,
] = readme.tables;

/** All members of a union of strings, which the compiler holds to be complete. */
const every = <Name extends string>(names: Record<Name, true>) => Object.keys(names).sort();

const sorted = (names: readonly string[] | undefined) => names?.toSorted();

/** Second cell of the row of a name. */
const cellOf = (name: string) =>
  new RegExp(`^\\| \`${name}\` \\| ([^|]*) \\|`, "m").exec(readme.text)?.[1];

test("the example runs and prints what the text says", async () => {
  const printed = await runExample(readme.examples[0] ?? "", folder);
  expect(printed).toBe(
    "13 7n true\nTask.parts[0]: a length is larger than what follows at byte 8\n",
  );
  for (const line of printed.trimEnd().split("\n")) expect(readme.text).toContain(`\`${line}\``);
});

test("the tables of definitions list every option and every scalar type", () => {
  expect(sorted(fieldOptions)).toEqual(
    every<keyof FieldDefinition>({
      tag: true,
      type: true,
      repeated: true,
      map: true,
      packed: true,
      required: true,
      optional: true,
      oneof: true,
      default: true,
      protoName: true,
      jsonName: true,
    }),
  );
  expect(sorted(types)).toEqual(
    every<ScalarType>({
      double: true,
      float: true,
      int32: true,
      int64: true,
      uint32: true,
      uint64: true,
      sint32: true,
      sint64: true,
      fixed32: true,
      fixed64: true,
      sfixed32: true,
      sfixed64: true,
      bool: true,
      string: true,
      bytes: true,
    }),
  );
});

test("the tables of functions list everything that is exported, and every option", () => {
  expect(sorted(functions)).toEqual(Object.keys(exported).sort());
  expect(sorted(options)).toEqual(
    every<keyof CodecOptions>({
      copy: true,
      int64: true,
      bytes: true,
      unknownFields: true,
      into: true,
      limits: true,
      generate: true,
    }),
  );
  expect(sorted(jsonOptions)).toEqual(
    every<keyof ToJsonOptions | keyof FromJsonOptions>({
      alwaysPrintFieldsWithNoPresence: true,
      useProtoFieldName: true,
      enumsAsIntegers: true,
      ignoreUnknownFields: true,
      int64: true,
      registry: true,
      limits: true,
    }),
  );
});

test("the table of limits lists the section's keys with their defaults", () => {
  expect(limits).toEqual(Object.keys(iibinSection.keys));
  for (const [name, key] of Object.entries(iibinSection.keys))
    expect(cellOf(name), name).toBe(key.default.toLocaleString("en-US"));
});

test("the table of importing lists every option with its default", () => {
  expect(importOptions).toEqual(Object.keys(importLimits satisfies ImportProtoOptions));
  for (const [name, value] of Object.entries(importLimits))
    expect(cellOf(name), name).toBe(
      typeof value === "number" ? value.toLocaleString("en-US") : `\`"${value}"\``,
    );
});

test("the tables of compatibility list every rule", () => {
  expect(sorted(breaks)).toEqual(
    every<BreakRule>({
      "tag-reused": true,
      "reserved-reused": true,
      "tag-changed": true,
      "wire-type-changed": true,
      "type-changed": true,
      "range-narrowed": true,
      "cardinality-changed": true,
      "required-added": true,
      "required-removed": true,
      "oneof-changed": true,
      "enum-number-removed": true,
      "enum-number-changed": true,
      "profile-changed": true,
      "definition-removed": true,
    }),
  );
  expect(sorted(warnings)).toEqual(
    every<WarningRule>({
      "field-removed": true,
      "reservation-removed": true,
      "range-changed": true,
      "presence-changed": true,
      "default-changed": true,
      "json-name-changed": true,
      "json-form-changed": true,
      "type-renamed": true,
      "enum-name-changed": true,
    }),
  );
});

test("the table of commands lists each with its arguments and options", () => {
  const written = plane.commands.flatMap(({ name, arguments: given = [], options: all = [] }) => {
    const usage = [
      name,
      ...given.map((each) => (each.required ? `<${each.name}>` : `[${each.name}]`)),
    ];
    return all.map((option) => [
      usage.join(" "),
      option.value === undefined ? `--${option.name}` : `--${option.name} <${option.value}>`,
    ]);
  });
  expect(commands).toEqual(written.map(([usage]) => usage));
  for (const [usage, option] of written)
    expect(readme.text).toContain(`| \`${usage}\` | \`${option}\` |`);
});

test("the table of errors lists every code", () => {
  expect(errors).toEqual(Object.keys(iibinErrors.codes));
});

test("the profiles differ as the table says", () => {
  expect(profileRows).toEqual(Object.keys(profileBehaviours));
  const behaviours = (profile: Profile) =>
    Object.fromEntries(
      Object.entries(profileBehaviours).map(([row, behave]) => [row, behave(profile)]),
    );
  expect(behaviours("protobuf")).toEqual({
    "absent scalar": { a: 0 },
    "absent list or map": { a: [] },
    "zero of a field without optional, required, default, oneof": "",
    "lists of numbers": ["0a0101", "0801"],
    "wire type that is not the field's": { a: 0 },
    groups: {},
    "the same message field again": { a: { x: 1, y: 2 } },
    "integers beyond 32 bits in a field of 32": { a: 1 },
    "integers from 2^63 in uint64 and fixed64": [{ a: 2n ** 63n }, "090000000000000080"],
    "field number 0": ["refused", "refused"],
    "tags 19,000 to 19,999": "refused",
    "levels of messages": [true, true, true, "refused"],
  });
  expect(behaviours("king")).toEqual({
    "absent scalar": {},
    "absent list or map": {},
    "zero of a field without optional, required, default, oneof": "0800",
    "lists of numbers": ["0801", "0a0101"],
    "wire type that is not the field's": "refused",
    groups: "refused",
    "the same message field again": { a: { y: 2 } },
    "integers beyond 32 bits in a field of 32": "refused",
    "integers from 2^63 in uint64 and fixed64": ["refused", "refused"],
    "field number 0": [{}, "refused"],
    "tags 19,000 to 19,999": "c0a30901",
    "levels of messages": [true, "refused", "refused", "refused"],
  });
});
