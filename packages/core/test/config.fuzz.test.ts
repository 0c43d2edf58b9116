import fc from "fast-check";
import { expect, test } from "vitest";
import {
  defineConfig,
  environmentLayer,
  jsonSchema,
  KingError,
  type OperatorLayer,
  resolveOptions,
} from "../src/index.ts";
import { door, lamp } from "./sections.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const sections = [door, lamp];
const names = fc.oneof(
  fc.constantFrom("door", "lamp", "policy", "width", "name", "visitors", "lock", "__proto__"),
  fc.string(),
);
const anything = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: "small" }, fc.jsonValue(), tie("record")),
  record: fc.dictionary(names, tie("value")),
})).record;

test("whatever the operator writes, there is a config or a KingError", () => {
  fc.assert(
    fc.property(anything, (operator) => {
      try {
        defineConfig({ sections, operator: operator as OperatorLayer }).toJSON();
      } catch (error) {
        if (!KingError.is(error)) throw error;
      }
    }),
    { numRuns },
  );
});

test("whatever the environment holds, there is a config or a KingError", () => {
  const variable = fc.oneof(
    fc.constantFrom("KING_DOOR_WIDTH", "KING_DOOR_VISITORS", "KING_DOOR_CODE_FILE"),
    fc.string().map((name) => `KING_${name}`),
  );
  fc.assert(
    fc.property(fc.dictionary(variable, fc.string()), (variables) => {
      try {
        defineConfig({ sections, environment: environmentLayer({ variables }) });
      } catch (error) {
        if (!KingError.is(error)) throw error;
      }
    }),
    { numRuns },
  );
});

test("whatever options a call brings, there are values or a KingError", () => {
  fc.assert(
    fc.property(fc.dictionary(names, fc.anything()), (options) => {
      try {
        resolveOptions(door, options);
      } catch (error) {
        if (!KingError.is(error)) throw error;
      }
    }),
    { numRuns },
  );
});

test("what a config prints is an operator's file that gives the same config", () => {
  const values = fc.record({
    width: fc.integer({ min: 60, max: 200 }),
    maxParcelBytes: fc.oneof(fc.nat(), fc.constant("Infinity")),
    colour: fc.constantFrom("red", "green"),
    visitors: fc.array(fc.string()),
  });
  fc.assert(
    fc.property(values, (operator) => {
      const config = defineConfig({ sections, operator: { door: operator } });
      const again = defineConfig({ sections, operator: config.toJSON() });
      expect(again.toJSON()).toEqual(config.toJSON());
    }),
    { numRuns },
  );
});

test("the JSON Schema names every key with its range, default and sentence", () => {
  const schema = jsonSchema(sections) as {
    properties: Record<string, { properties: Record<string, unknown> }>;
  };
  expect(Object.keys(schema.properties["door"]?.properties ?? {})).toEqual(Object.keys(door.keys));
  expect(schema.properties["door"]?.properties["width"]).toEqual({
    type: "integer",
    minimum: 60,
    maximum: 200,
    description: "How wide. In cm.",
    default: 80,
  });
  expect(schema.properties["door"]?.properties["maxParcelBytes"]).toMatchObject({
    anyOf: [
      { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
      { const: "Infinity" },
    ],
  });
});
