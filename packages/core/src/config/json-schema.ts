import type { ConfigKey } from "./key.ts";
import type { Section } from "./section.ts";

/** A JSON Schema (draft 2020-12) of the operator's file for these sections. */
export function jsonSchema(sections: readonly Section[]): Record<string, unknown> {
  const keys = { type: "array", items: { type: "string" } };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "King configuration",
    type: "object",
    additionalProperties: false,
    properties: {
      $schema: { type: "string" },
      policy: {
        type: "object",
        description: "What overrides and options of a call may change.",
        additionalProperties: false,
        properties: { overrides: { enum: ["allow", "forbid"] }, lock: keys, unlock: keys },
      },
      ...Object.fromEntries(
        sections.map((section) => [
          section.name,
          {
            type: "object",
            ...(section.doc === "" ? {} : { description: section.doc }),
            additionalProperties: false,
            properties: Object.fromEntries(
              Object.entries(section.keys).map(([name, key]) => [name, keySchema(key)]),
            ),
          },
        ]),
      ),
    },
  };
}

function keySchema(key: ConfigKey): Record<string, unknown> {
  const unlimited = key.default === Number.POSITIVE_INFINITY ? "Infinity" : key.default;
  return {
    ...valueSchema(key),
    description: key.unit === undefined ? key.doc : `${key.doc} In ${key.unit}.`,
    ...(key.default === undefined || key.secret ? {} : { default: unlimited }),
  };
}

function valueSchema(key: ConfigKey): Record<string, unknown> {
  switch (key.kind) {
    case "boolean":
      return { type: "boolean" };
    case "integer": {
      const integer = { type: "integer", minimum: key.min, maximum: key.max };
      return key.unlimited ? { anyOf: [integer, { const: "Infinity" }] } : integer;
    }
    case "enum":
      return { enum: key.values };
    case "list":
      return { type: "array", items: { type: "string" } };
    case "string":
      return { type: "string" };
  }
}
