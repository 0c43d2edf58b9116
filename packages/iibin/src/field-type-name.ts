import type { Field } from "./field.ts";

/** The type of a field as in `.proto`: `int32`, `repeated Level`, `map<string, Level>`. */
export function fieldTypeName(field: Field): string {
  const type =
    field.kind === "scalar"
      ? field.scalar
      : field.kind === "enum"
        ? field.enum.name
        : field.message.name;
  if (field.map !== undefined) return `map<${field.map}, ${type}>`;
  return field.repeated ? `repeated ${type}` : type;
}
