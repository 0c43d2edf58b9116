import { enumMemberName } from "../enum.ts";
import type { Field } from "../field.ts";
import { isInt64Type } from "../scalar-type.ts";
import { zeroValue } from "../zero-value.ts";
import type { JsonValue } from "./json-value.ts";
import type { Int64Form } from "./scalar-from-json.ts";

/** What absent means for a field without presence, as messages hold it; nothing for one message. */
export function emptyValue(field: Field, int64: Int64Form): unknown {
  if (field.repeated) return [];
  if (field.map !== undefined) return {};
  if (field.kind === "message") return undefined;
  if (field.kind === "enum") return 0;
  return zeroValue(field.scalar, int64);
}

/** Whether JSON of a field says no more than its absence would. */
export function isNoNews(field: Field, json: JsonValue): boolean {
  if (field.presence === "required") return false;
  if (isEmptyCollection(field, json)) return true;
  if (field.presence === "explicit" || field.repeated || field.map !== undefined) return false;
  if (field.kind === "enum")
    return json === null || json === 0 || json === enumMemberName(field.enum, 0);
  // Not for -0, which is a number of its own on the wire.
  if (Object.is(json, 0) || json === false || json === "") return true;
  return field.kind === "scalar" && json === "0" && isInt64Type(field.scalar);
}

/** Whether a list or a map has nothing in it, which the wire cannot tell from absence. */
export function isEmptyCollection(field: Field, value: unknown): boolean {
  if (field.repeated) return (value as unknown[]).length === 0;
  return field.map !== undefined && Object.keys(value as object).length === 0;
}
