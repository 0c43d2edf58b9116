import { isJsonObject } from "./json-value.ts";
import type { SpecialForm } from "./special-form.ts";

/** `google.protobuf.Struct`: an object of any values. */
export const structForm: SpecialForm = {
  keys: ["fields"],
  write: (schema, message, to) => to.field(schema, "fields", message),
  read(schema, json, from) {
    if (!isJsonObject(json)) throw from.walk.expected("an object", json);
    return { fields: from.field(schema, "fields", json) };
  },
};

/** `google.protobuf.ListValue`: a list of any values. */
export const listValueForm: SpecialForm = {
  keys: ["values"],
  write: (schema, message, to) => to.field(schema, "values", message),
  read(schema, json, from) {
    if (!Array.isArray(json)) throw from.walk.expected("a list", json);
    return { values: from.field(schema, "values", json) };
  },
};

const valueKinds = [
  "nullValue",
  "numberValue",
  "stringValue",
  "boolValue",
  "structValue",
  "listValue",
] as const;

/** `google.protobuf.Value`: any JSON. */
export const valueForm: SpecialForm = {
  keys: valueKinds,
  write(schema, message, to) {
    const set = valueKinds.filter((name) => message[name] !== undefined && message[name] !== null);
    const [kind] = set;
    if (kind === undefined || set.length > 1)
      throw to.walk.refuse(`expected one of ${valueKinds.join(", ")}, got ${set.length} of them`);
    const json = to.field(schema, kind, message);
    if (kind === "numberValue" && typeof json !== "number")
      throw to.walk.refuse("expected a finite number");
    return json;
  },
  read(schema, json, from) {
    const kind = typeof json === "bigint" && from.walk.hasBigints ? "numberValue" : kindOf(json);
    if (kind === undefined) throw from.walk.expected("JSON", json);
    return { [kind]: from.field(schema, kind, json) };
  },
};

/** The member of the oneof in `Value` that holds such a value. */
function kindOf(json: unknown): (typeof valueKinds)[number] | undefined {
  switch (typeof json) {
    case "number":
      return "numberValue";
    case "string":
      return "stringValue";
    case "boolean":
      return "boolValue";
    case "object":
      if (json === null) return "nullValue";
      return Array.isArray(json) ? "listValue" : "structValue";
    default:
      return undefined;
  }
}
