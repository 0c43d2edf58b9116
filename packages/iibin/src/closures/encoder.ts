import type { EncodeFunction } from "../emit/functions.ts";
import {
  expectedScalar,
  expectedValue,
  fieldKey,
  mostBytes,
  oneofNames,
  valueWireType,
  wireScalar,
} from "../emit/message-plan.ts";
import type { Field } from "../field.ts";
import { type MapKeyType, scalarWireType } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";
import { unknownFields } from "../unknown-fields.ts";
import { byteLength } from "../wire/byte-length.ts";
import { at, bad } from "../wire/fault.ts";
import {
  atIndex,
  bigintKey,
  booleanKey,
  checkKeys,
  isList,
  isMap,
  numberKey,
  tooDeep,
  tooMany,
} from "../wire/message-checks.ts";
import { badText, writeRaw } from "../wire/write-text.ts";
import { writeUint32 } from "../wire/write-varint.ts";
import { grow, setLength, type Writer } from "../wire/writer.ts";
import { notOfType, room, scalarWriter } from "./scalar-writers.ts";

/** Writes a field that is there, with its key. */
type WriteField = (w: Writer, p: number, value: unknown, depth: number) => number;

/** Writes a value behind its key; `index` says which of the field's values it is, for errors. */
type WriteValue = (w: Writer, p: number, value: unknown, depth: number, index: unknown) => number;

interface EncodedField {
  readonly name: string;
  /** Whether every object has something of that name. */
  readonly isInherited: boolean;
  readonly isRequired: boolean;
  /** Index of its oneof, or -1. */
  readonly oneof: number;
  readonly field: Field;
  readonly write: WriteField;
}

/**
 * The encoder of a schema made of functions at hand, for where generating source is forbidden. Gives
 * the same bytes and errors.
 *
 * @internal
 */
export function closureEncoder(
  schema: AnySchema,
  made: Map<AnySchema, EncodeFunction> = new Map(),
): EncodeFunction {
  const fields: EncodedField[] = [];
  const oneofs = oneofNames(schema);
  const names = new Set(schema.fields.map(({ name }) => name));
  const encodeMessage: EncodeFunction = (message, w, start, depth) => {
    if (depth < 0) throw tooDeep(w);
    const object = message as Record<PropertyKey, unknown>;
    const members: (string | undefined)[] | undefined = oneofs.length > 0 ? [] : undefined;
    let p = start;
    let found = 0;
    for (let i = 0; i < fields.length; i++) {
      const { name, isInherited, isRequired, oneof, field, write } = fields[i] as EncodedField;
      const value = isInherited && !Object.hasOwn(object, name) ? undefined : object[name];
      if (value !== undefined) found++;
      if (value === undefined || value === null) {
        if (isRequired) throw missingValue(schema, field, value);
        continue;
      }
      if (members !== undefined && oneof >= 0) {
        const other = members[oneof];
        if (other !== undefined)
          throw bad(schema.name, name, `no member of ${field.oneof} beside ${other}`, value);
        members[oneof] = name;
      }
      if (p + room > w.b.length) grow(w, p, room);
      p = write(w, p, value, depth);
    }
    const kept = object[unknownFields];
    if (kept !== undefined) p = writeRaw(w, p, kept as Uint8Array, schema.name);
    let keys = 0;
    for (const _ in object) keys++;
    // Of an object that is not plain, fields need not be keys.
    if (keys !== found || found === 0 || object["constructor"] !== Object)
      checkKeys(object, names, schema.name, found);
    return p;
  };
  // Before its fields: one of them may hold messages of this schema.
  made.set(schema, encodeMessage);
  for (const field of schema.fields)
    fields.push({
      name: field.name,
      isInherited: field.name in Object.prototype,
      isRequired: field.presence === "required",
      oneof: field.oneof === undefined ? -1 : oneofs.indexOf(field.oneof),
      field,
      write: fieldWriter(schema, field, made),
    });
  return encodeMessage;
}

function missingValue(schema: AnySchema, field: Field, value: unknown) {
  return bad(schema.name, field.name, "a value, for the field is required", value);
}

function fieldWriter(
  schema: AnySchema,
  field: Field,
  made: Map<AnySchema, EncodeFunction>,
): WriteField {
  const writeValue = valueWriter(schema, field, made);
  if (field.map !== undefined) return mapWriter(schema, field, field.map, writeValue);
  if (field.packed) return packedWriter(schema, field, writeValue);
  const key = fieldKey(field.tag, valueWireType(field));
  if (field.repeated) return listWriter(schema, field, key, writeValue);
  if (field.presence !== "implicit")
    return (w, p, value, depth) => writeValue(w, writeUint32(w.b, p, key), value, depth, undefined);
  return (w, p, value, depth) => {
    const end = writeValue(w, writeUint32(w.b, p, key), value, depth, undefined);
    // Checked like any other; then the zero of an implicit field is taken back.
    return isZero(value, field) ? p : end;
  };
}

function isZero(value: unknown, field: Field): boolean {
  if (value === 0)
    return (
      !(wireScalar(field) === "double" || wireScalar(field) === "float") || !Object.is(value, -0)
    );
  if (value === "" || value === false || value === 0n) return true;
  if (typeof value === "string" && field.kind === "enum") return field.enum.members[value] === 0;
  return byteLength(value) === 0;
}

function valueWriter(
  schema: AnySchema,
  field: Field,
  made: Map<AnySchema, EncodeFunction>,
): WriteValue {
  const expected = expectedValue(field, schema.profile);
  const fail = (value: unknown, index: unknown, w?: Writer, result = notOfType) => {
    const fault =
      w === undefined || result === notOfType
        ? bad(schema.name, field.name, expected, value)
        : badText(w, schema.name, field.name, result, value);
    return index === undefined ? fault : atIndex(fault, index);
  };
  if (field.kind === "message") {
    const encodeMessage = made.get(field.message) ?? closureEncoder(field.message, made);
    return (w, p, value, depth, index) => {
      if (typeof value !== "object" || value === null) throw fail(value, index);
      const from = p + 1;
      let end: number;
      try {
        end = encodeMessage(value, w, from, depth - 1);
      } catch (error) {
        throw at(error, schema.name, field.name, index);
      }
      if (end + room > w.b.length) grow(w, end, room);
      return setLength(w.b, from, end, 1);
    };
  }
  if (field.kind === "enum") {
    const members = new Map(Object.entries(field.enum.members));
    const write = scalarWriter("int32", schema.profile);
    return (w, p, value, _depth, index) => {
      const number = typeof value === "string" ? members.get(value) : value;
      const end = write(w, p, number);
      if (end < 0) throw fail(value, index);
      return end;
    };
  }
  const write = scalarWriter(field.scalar, schema.profile);
  return (w, p, value, _depth, index) => {
    const end = write(w, p, value);
    if (end < 0) throw fail(value, index, w, end);
    return end;
  };
}

/** A list of which one record is written for each item. */
function listWriter(
  schema: AnySchema,
  field: Field,
  key: number,
  writeValue: WriteValue,
): WriteField {
  return (w, p, value, depth) => {
    const { list, length } = checkList(schema, field, value, w);
    for (let i = 0; i < length; i++) {
      if (p + room > w.b.length) grow(w, p, room);
      p = writeValue(w, writeUint32(w.b, p, key), list[i], depth, i);
    }
    return p;
  };
}

/** A list written as one record. */
function packedWriter(schema: AnySchema, field: Field, writeValue: WriteValue): WriteField {
  const key = fieldKey(field.tag, 2);
  const most = mostBytes(wireScalar(field) ?? "int64");
  return (w, p, value, depth) => {
    const { list, length } = checkList(schema, field, value, w);
    if (length === 0) return p;
    const need = length * most + room;
    if (p + need > w.b.length) grow(w, p, need);
    const from = writeUint32(w.b, p, key) + 1;
    let end = from;
    for (let i = 0; i < length; i++) end = writeValue(w, end, list[i], depth, i);
    return setLength(w.b, from, end, 1);
  };
}

/** A list and its length, which is read once: getters of items may change it. */
function checkList(
  schema: AnySchema,
  field: Field,
  value: unknown,
  w: Writer,
): { list: ArrayLike<unknown>; length: number } {
  if (!isList(value)) throw bad(schema.name, field.name, "an array", value);
  const length = value.length >>> 0;
  if (length > w.maxItems) throw tooMany(w, schema.name, field.name);
  if (field.presence === "required" && length === 0)
    throw bad(schema.name, field.name, "one item or more, for the field is required", value);
  return { list: value, length };
}

/** A map: for each entry a message with the key as field 1 and the value as field 2. */
function mapWriter(
  schema: AnySchema,
  field: Field,
  keyType: MapKeyType,
  writeValue: WriteValue,
): WriteField {
  const key = fieldKey(field.tag, 2);
  const keyOfKey = fieldKey(1, scalarWireType(keyType));
  const keyOfValue = fieldKey(2, valueWireType(field));
  const writeKey = scalarWriter(keyType, schema.profile);
  const keyOf = keyOfText(keyType);
  const expected = `as key ${expectedScalar(keyType, schema.profile)}`;
  const writeEntry = (w: Writer, p: number, entryKey: unknown, value: unknown, depth: number) => {
    if (p + room > w.b.length) grow(w, p, room);
    const from = writeUint32(w.b, p, key) + 1;
    w.b[from] = keyOfKey;
    let end = writeKey(w, from + 1, entryKey);
    if (end === notOfType) throw bad(schema.name, field.name, expected, entryKey);
    if (end < 0) throw atIndex(badText(w, schema.name, field.name, end, entryKey), entryKey);
    w.b[end] = keyOfValue;
    end = writeValue(w, end + 1, value, depth, entryKey);
    if (end + room > w.b.length) grow(w, end, room);
    return setLength(w.b, from, end, 1);
  };
  return (w, p, value, depth) => {
    if (!isMap(value)) throw bad(schema.name, field.name, "an object or a Map", value);
    let count = 0;
    if (value instanceof Map)
      for (const [entryKey, entry] of value) {
        p = writeEntry(w, p, entryKey, entry, depth);
        count++;
      }
    else
      for (const name in value) {
        if (!Object.hasOwn(value, name)) continue;
        p = writeEntry(w, p, keyOf(name), value[name], depth);
        count++;
      }
    if (count > w.maxItems) throw tooMany(w, schema.name, field.name);
    return p;
  };
}

function keyOfText(type: MapKeyType): (name: string) => unknown {
  if (type === "string") return (name) => name;
  if (type === "bool") return booleanKey;
  return type.endsWith("64") ? bigintKey : numberKey;
}
