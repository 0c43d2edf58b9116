/** A JSON Schema (draft 2020-12), as OpenAPI 3.1 has them. */
export type Schema = Readonly<Record<string, unknown>>;

export const textSchema: Schema = { type: "string" };
export const integerSchema: Schema = { type: "integer" };
export const numberSchema: Schema = { type: "number" };
export const booleanSchema: Schema = { type: "boolean" };

/** An object with members that are always there, and others. */
export function objectSchema(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    type: "object",
    properties: { ...required, ...optional },
    required: Object.keys(required),
  };
}

/** An object with members of any name. */
export const mapSchema = (value: Schema): Schema => ({
  type: "object",
  additionalProperties: value,
});

export const listSchema = (items: Schema): Schema => ({ type: "array", items });

export const oneOfTexts = (...values: readonly string[]): Schema => ({
  type: "string",
  enum: values,
});

/** Points to a schema of the document. */
export const sharedSchema = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
