import { iibinErrors } from "../errors.ts";
import type { Field } from "../field.ts";
import { type ScalarType, scalarWireType } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";

const mostSchemas = 10_000;

/** These schemas, and then those that their messages can hold. @internal */
export function reachableSchemas(...roots: readonly AnySchema[]): AnySchema[] {
  const found = new Set<AnySchema>(roots);
  for (const schema of found) {
    // A function may make a new schema each time it is asked.
    if (found.size > mostSchemas)
      throw iibinErrors.create(
        "KING_IIBIN_SCHEMA_INVALID",
        `schema ${schema.name}: expected at most ${mostSchemas} schemas that hold each other, got more`,
        { schema: schema.name },
      );
    for (const field of schema.fields) if (field.kind === "message") found.add(field.message);
  }
  return [...found];
}

/** Names of the oneofs of a schema, each once. */
export function oneofNames({ fields }: AnySchema): string[] {
  const names = fields.map(({ oneof }) => oneof).filter((it) => it !== undefined);
  return [...new Set(names)];
}

/** The scalar a field's values are on the wire; `undefined` for messages. */
export function wireScalar(field: Field): ScalarType | undefined {
  return field.kind === "scalar" ? field.scalar : field.kind === "enum" ? "int32" : undefined;
}

/** Wire type of one value of a field. */
export function valueWireType(field: Field): 0 | 1 | 2 | 5 {
  const scalar = wireScalar(field);
  return scalar === undefined ? 2 : scalarWireType(scalar);
}

/** Field number and wire type, as one unsigned integer of 32 bits. */
export function fieldKey(tag: number, wireType: number): number {
  return ((tag << 3) | wireType) >>> 0;
}

/**
 * What a nested message takes of `maxItems`: fields, and lists, maps and bytes most of all, take memory
 * whether they come or not, so that many empty messages would make a small input large.
 */
export function messageCost({ fields }: AnySchema): number {
  const objects = fields.filter(
    (field) => field.repeated || field.map !== undefined || wireScalar(field) === "bytes",
  );
  return 1 + objects.length + (fields.length >> 4);
}

/** The bytes of a varint of 32 bits. */
export function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

/** Most bytes that a value of a scalar takes; for text and bytes those of the length. */
export function mostBytes(scalar: ScalarType): number {
  switch (scalar) {
    case "bool":
      return 1;
    case "uint32":
    case "sint32":
    case "string":
    case "bytes":
      return 5;
    case "double":
    case "fixed64":
    case "sfixed64":
      return 8;
    case "float":
    case "fixed32":
    case "sfixed32":
      return 4;
    default:
      return 10;
  }
}

/** What errors say was expected of a value. */
export function expectedValue(field: Field, profile: string): string {
  if (field.kind === "message") return `an object, a message of ${field.message.name}`;
  if (field.kind === "enum") return `a member of ${field.enum.name} or an integer of 32 bits`;
  return expectedScalar(field.scalar, profile);
}

export function expectedScalar(scalar: ScalarType, profile: string): string {
  switch (scalar) {
    case "double":
    case "float":
      return "a number";
    case "bool":
      return "a boolean";
    case "string":
      return "text without lone surrogates";
    case "bytes":
      return "a Uint8Array";
    case "int32":
    case "sint32":
    case "sfixed32":
      return "an integer from -2^31 to 2^31-1";
    case "uint32":
    case "fixed32":
      return "an integer from 0 to 2^32-1";
    case "uint64":
    case "fixed64":
      return profile === "king"
        ? "a bigint or safe integer from 0 to 2^63-1"
        : "a bigint or safe integer from 0 to 2^64-1";
    default:
      return "a bigint or safe integer from -2^63 to 2^63-1";
  }
}
