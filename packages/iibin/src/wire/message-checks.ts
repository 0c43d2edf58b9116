import { describeValue } from "../describe-value.ts";
import { isGone } from "./byte-length.ts";
import { at, Fault, malformed, overLimit, place } from "./fault.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

export function tooDeep(w: Writer): Fault {
  return overLimit("maxDepth", w.maxDepth);
}

export function tooDeepAt(r: Reader, offset: number): Fault {
  return overLimit("maxDepth", r.maxDepth, offset);
}

export function tooMany(w: Writer, schema: string, field: string): Fault {
  return at(overLimit("maxItems", w.maxItems), schema, field) as Fault;
}

export function tooManyAt(r: Reader, offset: number): Fault {
  return overLimit("maxItems", r.maxItems, offset);
}

/** A required field that did not come. */
export function missing(schema: string, field: string, offset: number): Fault {
  return at(malformed("a required field is missing", offset), schema, field) as Fault;
}

export function misaligned(offset: number, size: number): Fault {
  return malformed(`a packed list is no multiple of ${size} bytes`, offset);
}

/** Adds the field whose key was read last; one the schema lacks has no place in a path. */
export function atKey(
  error: unknown,
  schema: string,
  field: string | undefined,
  index?: number,
): unknown {
  if (!(error instanceof Fault)) return error;
  if (field !== undefined) return at(error, schema, field, index);
  if (error.schema === "") error.schema = schema;
  return error;
}

/** Puts the index of an item into the path of a fault that has the field alone. */
export function atIndex(fault: Fault, index: unknown): Fault {
  fault.path.unshift(place(index));
  return fault;
}

export function isList(value: unknown): value is ArrayLike<unknown> {
  if (Array.isArray(value)) return true;
  if (!ArrayBuffer.isView(value) || value instanceof DataView) return false;
  return (value as Uint8Array).length > 0 || !isGone(value);
}

/** Whether a value can be a map: an object that is no list, date or the like. */
export function isMap(value: unknown): value is Record<string, unknown> | Map<unknown, unknown> {
  return value instanceof Map || isPlain(value);
}

function isPlain(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.prototype.toString.call(value) === "[object Object]"
  );
}

/**
 * Refuses keys the schema lacks, and what is no message at all. Called when the count of keys is not
 * that of the `found` fields, and for objects that are not plain, whose fields need not be keys.
 */
export function checkKeys(
  message: object,
  names: ReadonlySet<string>,
  schema: string,
  found: number,
): void {
  const isSomethingElse =
    Array.isArray(message) || ArrayBuffer.isView(message) || (found === 0 && !isPlain(message));
  if (isSomethingElse) {
    const fault = new Fault(
      "value",
      `expected an object, a message of ${schema}, got ${describeValue(message)}`,
    );
    fault.schema = schema;
    throw fault;
  }
  for (const key in message) {
    if (names.has(key)) continue;
    const fault = new Fault("value", `expected a field of ${schema}, got an unknown one`);
    // What is no name may be somebody's secret.
    throw at(fault, schema, /^[\w$-]{1,64}$/.test(key) ? key : "[*]");
  }
}

/** The boolean that a property name stands for; the name itself when it stands for none. */
export function booleanKey(name: string): boolean | string {
  return name === "true" ? true : name === "false" ? false : name;
}

/** The number that a property name stands for; the name itself when it stands for none. */
export function numberKey(name: string): number | string {
  const number = Number(name);
  return String(number) === name ? number : name;
}

/** The integer that a property name stands for; the name itself when it stands for none. */
export function bigintKey(name: string): bigint | string {
  return /^(?:0|-?[1-9]\d{0,19})$/.test(name) ? BigInt(name) : name;
}
