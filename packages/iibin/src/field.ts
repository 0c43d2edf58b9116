import { describeValue } from "./describe-value.ts";
import { type Enum, isEnum } from "./enum.ts";
import type { Registry } from "./registry.ts";
import {
  isInt64Type,
  isPackable,
  isScalarType,
  type MapKeyType,
  type ScalarType,
} from "./scalar-type.ts";
import {
  type AnySchema,
  type FieldDefinition,
  isSchema,
  type Profile,
  type Refuse,
} from "./schema.ts";

/** A field of a schema with every option decided. */
export type Field = ScalarField | EnumField | MessageField;

interface FieldFacts {
  /** Key in messages. */
  readonly name: string;
  readonly tag: number;
  readonly repeated: boolean;
  /** Type of the keys, for a map. */
  readonly map?: MapKeyType;
  /** Whether the list is written as one record; both forms are read. */
  readonly packed: boolean;
  /**
   * Whether absence shows: `implicit` fields read as their zero and do not write it, `required` ones
   * may not be absent. Lists and maps are `implicit` in profile `protobuf`: absent reads as empty.
   */
  readonly presence: "implicit" | "explicit" | "required";
  readonly oneof?: string;
  /** What decoding gives for an absent field: of the field's type as messages hold it. */
  readonly default?: unknown;
  readonly protoName: string;
  readonly jsonName: string;
}

export interface ScalarField extends FieldFacts {
  readonly kind: "scalar";
  readonly scalar: ScalarType;
}

/** On the wire an `int32`. */
export interface EnumField extends FieldFacts {
  readonly kind: "enum";
  readonly enum: Enum;
}

export interface MessageField extends FieldFacts {
  readonly kind: "message";
  readonly message: AnySchema;
}

/** Decides every option of a schema's fields and finds their types; in the order of tags. @internal */
export function resolveFields(
  schema: AnySchema,
  registry: Registry | undefined,
  refuse: Refuse,
): readonly Field[] {
  const definitions = Object.entries(schema.definition as Record<string, FieldDefinition>);
  const fields = definitions.map(([name, definition]): Field => {
    const type = resolveType(definition.type);
    if (type === undefined)
      throw refuse(name, `type: expected a type that exists, got ${nameOf(definition.type)}`);
    return resolveField(schema, name, definition, type, refuse);
  });
  fields.sort((a, b) => a.tag - b.tag);
  return Object.freeze(fields);

  function resolveType(type: unknown): ScalarType | Enum | AnySchema | undefined {
    if (isScalarType(type)) return type;
    if (typeof type === "string") return type === schema.name ? schema : registry?.find(type);
    const given = typeof type === "function" ? (type as () => unknown)() : type;
    return isSchema(given) || isEnum(given) ? given : undefined;
  }
}

function nameOf(type: unknown): string {
  return typeof type === "string" ? type : describeValue(type);
}

function resolveField(
  schema: AnySchema,
  name: string,
  definition: FieldDefinition,
  type: ScalarType | Enum | AnySchema,
  refuse: Refuse,
): Field {
  const { tag, repeated = false, map, required, optional, oneof } = definition;
  const isKing = schema.profile === "king";
  const wire = isScalarType(type) ? type : isEnum(type) ? "int32" : undefined;
  const canPack = repeated && wire !== undefined && isPackable(wire);
  if (definition.packed !== undefined && !canPack)
    throw refuse(name, "packed is for lists of numbers, booleans and enum values");
  if (definition.default !== undefined && wire === undefined)
    throw refuse(name, "default is for scalars and enums");
  if (isSchema(type) && type.profile !== schema.profile)
    throw refuse(name, `${type.name} is of profile ${type.profile}, ${schema.name} is not`);
  // A field with a default is told from its zero, or the zero could not be sent.
  const explicit =
    isKing || optional === true || oneof !== undefined || definition.default !== undefined;
  const isSingleMessage = wire === undefined && !repeated && map === undefined;
  const protoName = definition.protoName ?? name;
  const facts: FieldFacts = {
    name,
    tag,
    repeated,
    ...(map !== undefined && { map }),
    packed: canPack && (definition.packed ?? !isKing),
    presence:
      required === true ? "required" : explicit || isSingleMessage ? "explicit" : "implicit",
    ...(oneof !== undefined && { oneof }),
    ...(definition.default !== undefined && {
      default: checkDefault(
        definition.default,
        type as ScalarType | Enum,
        schema.profile,
        name,
        refuse,
      ),
    }),
    protoName,
    jsonName: definition.jsonName ?? lowerCamelCase(protoName),
  };
  if (isScalarType(type)) return Object.freeze({ ...facts, kind: "scalar", scalar: type });
  if (isEnum(type)) return Object.freeze({ ...facts, kind: "enum", enum: type });
  return Object.freeze({ ...facts, kind: "message", message: type });
}

/** JSON's name of a field, as protobuf makes it: each letter after an underscore in upper case. */
export function lowerCamelCase(protoName: string): string {
  return protoName.replace(/_+([^_]?)/g, (_, letter: string) => letter.toUpperCase());
}

/** The default as messages hold it: numbers of 64 bits as bigint, enum members as numbers. */
function checkDefault(
  value: unknown,
  type: ScalarType | Enum,
  profile: Profile,
  name: string,
  refuse: Refuse,
): unknown {
  const wrong = (expected: string) =>
    refuse(name, `default: expected ${expected}, got ${describeValue(value)}`);
  if (isEnum(type)) {
    const number = typeof value === "string" ? type.members[value] : value;
    if (typeof number !== "number" || (number | 0) !== number)
      throw wrong(`a member of ${type.name} or an integer of 32 bits`);
    return number;
  }
  switch (type) {
    case "bool":
      if (typeof value !== "boolean") throw wrong("a boolean");
      return value;
    case "string":
      if (typeof value !== "string" || !value.isWellFormed()) throw wrong("well-formed text");
      return value;
    case "bytes":
      if (!(value instanceof Uint8Array)) throw wrong("a Uint8Array");
      return new Uint8Array(value);
    case "float":
    case "double":
      if (typeof value !== "number") throw wrong("a number");
      return type === "float" ? Math.fround(value) : value;
    default: {
      const isNumber =
        typeof value === "number" ? Number.isSafeInteger(value) : typeof value === "bigint";
      const [low, high] = integerRange(type, profile);
      if (!isNumber || BigInt(value as number) < low || BigInt(value as number) > high)
        throw wrong(`an integer from ${low} to ${high}`);
      return isInt64Type(type) ? BigInt(value as number) : Number(value);
    }
  }
}

/** Smallest and largest value of an integer type. King's unsigned integers of 64 bits have 63. */
export function integerRange(
  type: ScalarType,
  profile: Profile,
): readonly [low: bigint, high: bigint] {
  const isWide = isInt64Type(type);
  const bits = isWide ? 64n : 32n;
  return type.startsWith("u") || type.startsWith("f")
    ? [0n, (1n << (isWide && profile === "king" ? 63n : bits)) - 1n]
    : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}
