import type { MessageClass } from "../decode-options.ts";
import type { DecoderVariant } from "../emit/emit-decoder.ts";
import { fieldKey, messageCost, valueWireType, wireScalar } from "../emit/message-plan.ts";
import type { Field, MessageField } from "../field.ts";
import { type MapKeyType, type ScalarType, scalarWireType } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";
import { unknownFields } from "../unknown-fields.ts";
import { addPart, decodeParts } from "../wire/decode-parts.ts";
import { setEntry, sparse } from "../wire/map-entry.ts";
import { atKey, misaligned, missing, tooDeepAt, tooManyAt } from "../wire/message-checks.ts";
import { countVarints, joined, keepRange } from "../wire/read-bytes.ts";
import { type Reader, readKey, readLength, skipField, wrongWireType } from "../wire/reader.ts";
import { zeroValue } from "../zero-value.ts";
import { scalarReader } from "./scalar-readers.ts";

/** Reads one record of a field, from behind its key, into `values[slot]`. */
type ReadField = (
  values: unknown[],
  b: Uint8Array,
  p: number,
  end: number,
  r: Reader,
  depth: number,
) => number;

type DecodeMessage = (b: Uint8Array, p: number, end: number, r: Reader, depth: number) => unknown;

/** Reads one value, which ends at `r.p`. */
type ReadValue = DecodeMessage;

/** Start and end of each part of a message that may come in several. */
type Parts = number[];

interface Made {
  readonly variant: DecoderVariant;
  readonly classes: readonly MessageClass[];
  readonly decoders: Map<AnySchema, DecodeMessage>;
}

/**
 * The decoder of a schema made of functions at hand, for where generating source is forbidden. Gives
 * the same messages and errors.
 *
 * @internal
 */
export function closureDecoder(
  schema: AnySchema,
  variant: DecoderVariant,
  classes: readonly MessageClass[],
): DecodeMessage {
  return decoderOf(schema, { variant, classes, decoders: new Map() });
}

function decoderOf(schema: AnySchema, made: Made): DecodeMessage {
  const existing = made.decoders.get(schema);
  if (existing !== undefined) return existing;
  const isKing = schema.profile === "king";
  const keeps = made.variant.unknownFields === "keep";
  const { fields } = schema;
  const readers = new Map<number, ReadField>();
  const byTag = new Map<number, number>();
  const build = messageBuilder(schema, made);
  const inParts: number[] = [];
  const decodeMessage: DecodeMessage = (b, start, end, r, depth) => {
    if (depth < 0) throw tooDeepAt(r, start);
    const values: unknown[] = new Array(fields.length);
    let unknown: number[] | undefined;
    let p = start;
    let key = 0;
    try {
      while (p < end) {
        const from = p;
        key = 0;
        key = readKey(b, p, end, r);
        p = r.p;
        const read = readers.get(key);
        if (read !== undefined) p = read(values, b, p, end, r, depth);
        else {
          if (isKing && byTag.has(key >>> 3)) throw wrongWireType(from, key);
          p = skipField(b, p, end, r, key, depth, !isKing);
          if (keeps) unknown = keepRange(unknown, from, p, r);
        }
      }
      for (const slot of inParts) {
        const parts = values[slot] as Parts | undefined;
        if (parts === undefined) continue;
        const field = fields[slot] as MessageField;
        key = fieldKey(field.tag, 2);
        values[slot] = decodeWhole(field.message, parts, b, r, depth, made);
      }
    } catch (error) {
      const slot = byTag.get(key >>> 3);
      const field = slot === undefined ? undefined : fields[slot];
      const list = field?.repeated ? (values[slot as number] as unknown[] | undefined) : undefined;
      throw atKey(
        error,
        schema.name,
        field?.name,
        field?.repeated ? (list?.length ?? 0) : undefined,
      );
    }
    const message = build(values, end);
    if (unknown !== undefined) message[unknownFields] = joined(b, unknown);
    return message;
  };
  // Before its fields: one of them may hold messages of this schema.
  made.decoders.set(schema, decodeMessage);
  for (const [slot, field] of fields.entries()) {
    byTag.set(field.tag, slot);
    if (comesInParts(schema, field)) inParts.push(slot);
    const wireType = field.map === undefined ? valueWireType(field) : 2;
    const others = fields.flatMap((each, index) =>
      field.oneof !== undefined && each.oneof === field.oneof && each !== field ? [index] : [],
    );
    readers.set(fieldKey(field.tag, wireType) | 0, fieldReader(schema, field, slot, others, made));
    const scalar = wireScalar(field);
    if (field.repeated && scalar !== undefined && scalarWireType(scalar) !== 2)
      readers.set(fieldKey(field.tag, 2) | 0, packedReader(schema, scalar, slot, made));
  }
  return decodeMessage;
}

/** Whether parts of the field's message are put together before they are decoded: it may come again. */
function comesInParts(schema: AnySchema, field: Field): boolean {
  const isSingle = !field.repeated && field.map === undefined;
  return field.kind === "message" && isSingle && schema.profile === "protobuf";
}

/** Decodes the message that lies in these parts. */
function decodeWhole(
  schema: AnySchema,
  parts: Parts,
  b: Uint8Array,
  r: Reader,
  depth: number,
  made: Made,
): unknown {
  const [start, end] = parts as [number, number];
  charge(r, messageCost(schema), start);
  const decodeMessage = decoderOf(schema, made);
  return parts.length === 2
    ? decodeMessage(b, start, end, r, depth - 1)
    : decodeParts(decodeMessage, b, parts, r, depth - 1);
}

/** Takes something from what may still come. */
function charge(r: Reader, cost: number, offset: number): void {
  r.items -= cost;
  if (r.items < 0) throw tooManyAt(r, offset);
}

function fieldReader(
  schema: AnySchema,
  field: Field,
  slot: number,
  others: readonly number[],
  made: Made,
): ReadField {
  if (field.map !== undefined) return mapReader(schema, field, field.map, slot, made);
  const readValue = valueReader(schema, field, made);
  if (field.repeated)
    return (values, b, p, end, r, depth) => {
      if (field.kind !== "message") charge(r, 1, p);
      const value = readValue(b, p, end, r, depth);
      const list = values[slot] as unknown[] | undefined;
      if (list === undefined) values[slot] = [value];
      else list.push(value);
      return r.p;
    };
  const isInParts = comesInParts(schema, field);
  return (values, b, p, end, r, depth) => {
    if (isInParts) {
      const length = readLength(b, p, end, r);
      const parts = values[slot] as Parts | undefined;
      if (parts === undefined) values[slot] = [r.p, r.p + length];
      else addPart(parts, 0, 0, r.p, r.p + length, r);
      r.p += length;
    } else values[slot] = readValue(b, p, end, r, depth);
    for (let i = 0; i < others.length; i++) values[others[i] as number] = undefined;
    return r.p;
  };
}

function valueReader(schema: AnySchema, field: Field, made: Made): ReadValue {
  if (field.kind !== "message")
    return scalarReader(wireScalar(field) as ScalarType, schema.profile, made.variant);
  const decodeMessage = decoderOf(field.message, made);
  const cost = messageCost(field.message);
  return (b, p, end, r, depth) => {
    const length = readLength(b, p, end, r);
    const from = r.p;
    charge(r, cost, from);
    const message = decodeMessage(b, from, from + length, r, depth - 1);
    r.p = from + length;
    return message;
  };
}

/** A list that is one record. */
function packedReader(schema: AnySchema, scalar: ScalarType, slot: number, made: Made): ReadField {
  const read = scalarReader(scalar, schema.profile, made.variant);
  const size = { 0: 0, 1: 8, 2: 0, 5: 4 }[scalarWireType(scalar)];
  return (values, b, p, end, r) => {
    const length = readLength(b, p, end, r);
    p = r.p;
    if (size > 0 && length % size !== 0) throw misaligned(p, size);
    const last = p + length;
    const count = size > 0 ? length / size : countVarints(b, p, last);
    if (length === 0) return p;
    charge(r, count, p);
    const list = (values[slot] as unknown[] | undefined) ?? [];
    values[slot] = list;
    while (p < last) {
      list.push(read(b, p, last, r));
      p = r.p;
    }
    return p;
  };
}

/** One entry of a map: a message with the key as field 1 and the value as field 2. */
function mapReader(
  schema: AnySchema,
  field: Field,
  keyType: MapKeyType,
  slot: number,
  made: Made,
): ReadField {
  const isKing = schema.profile === "king";
  // Keys of 64 bits are exact whatever values are: they become text.
  const readKeyValue = scalarReader(keyType, schema.profile, { int64: "bigint" });
  const scalar = wireScalar(field);
  const readValue =
    scalar === undefined ? undefined : scalarReader(scalar, schema.profile, made.variant);
  const keyOfKey = fieldKey(1, scalarWireType(keyType));
  const keyOfValue = fieldKey(2, valueWireType(field));
  const isInteger = keyType !== "string" && keyType !== "bool";
  const zeroKey = keyType === "string" ? "" : keyType === "bool" ? false : 0;
  return (values, b, p, end, r, depth) => {
    const length = readLength(b, p, end, r);
    p = r.p;
    const last = p + length;
    const map =
      (values[slot] as Record<string, unknown> | undefined) ?? (isInteger ? sparse({}) : {});
    values[slot] = map;
    if (scalar !== undefined) charge(r, 1, p);
    let key: unknown = zeroKey;
    let value: unknown = scalar === undefined ? undefined : zeroOf(scalar, made);
    let parts: Parts | undefined;
    while (p < last) {
      const record = readKey(b, p, last, r);
      p = r.p;
      if (record === keyOfKey) {
        key = readKeyValue(b, p, last, r);
        p = r.p;
      } else if (record === keyOfValue) {
        if (readValue !== undefined) {
          value = readValue(b, p, last, r);
          p = r.p;
        } else {
          const size = readLength(b, p, last, r);
          if (parts === undefined || isKing) parts = [r.p, r.p + size];
          else addPart(parts, 0, 0, r.p, r.p + size, r);
          p = r.p + size;
        }
      } else p = skipField(b, p, last, r, record, depth, !isKing);
    }
    if (field.kind === "message") {
      // A value that is missing is the empty message.
      value = decodeWhole(field.message, parts ?? [last, last], b, r, depth, made);
    }
    if (isInteger) map[String(key)] = value;
    else setEntry(map, String(key), value);
    return p;
  };
}

function zeroOf(scalar: ScalarType, { variant }: Made): unknown {
  return zeroValue(scalar, variant.int64 ?? "bigint");
}

/** Makes a message of the fields' values, in the order of their tags. */
function messageBuilder(
  schema: AnySchema,
  made: Made,
): (values: unknown[], end: number) => Record<PropertyKey, unknown> {
  const { fields } = schema;
  const index = made.variant.classes?.get(schema);
  const type = index === undefined ? undefined : made.classes[index];
  const isSometimes = (field: Field) =>
    field.presence === "explicit" && field.default === undefined;
  const always = fields.flatMap((field, slot) => (isSometimes(field) ? [] : [slot]));
  const sometimes = fields.flatMap((field, slot) => (isSometimes(field) ? [slot] : []));
  const inOrder = fields.map((_, slot) => slot);
  return (values, end) => {
    for (const slot of always) {
      if (values[slot] !== undefined) continue;
      const field = fields[slot] as Field;
      if (field.presence === "required") throw missing(schema.name, field.name, end);
      values[slot] = absent(field, made);
    }
    const message: Record<PropertyKey, unknown> = type === undefined ? {} : new type();
    // Fields that are always there come first, unless all are: as in generated source.
    const all = type !== undefined || sometimes.every((slot) => values[slot] !== undefined);
    for (const slot of all ? inOrder : [...always, ...sometimes]) {
      const value = values[slot];
      const { name } = fields[slot] as Field;
      if (value === undefined) continue;
      if (type === undefined || name === "__proto__")
        setEntry(message as Record<string, unknown>, name, value);
      else message[name] = value;
    }
    return message;
  };
}

/** What a field that did not come reads as. */
function absent(field: Field, made: Made): unknown {
  const value = field.default;
  if (value !== undefined) {
    if (value instanceof Uint8Array) return value.slice();
    return typeof value === "bigint" && made.variant.int64 === "number" ? Number(value) : value;
  }
  if (field.presence !== "implicit") return undefined;
  if (field.repeated) return [];
  return field.map === undefined ? zeroOf(wireScalar(field) as ScalarType, made) : {};
}
