import { describeValue } from "./describe-value.ts";
import { iibinErrors } from "./errors.ts";
import type { Registry } from "./registry.ts";
import { isMapKeyType, type MapKeyType } from "./scalar-type.ts";
import { type AnySchema, defineSchema, type FieldDefinition } from "./schema.ts";

/** One field as King's `king_proto_define_schema` takes it. */
export interface KingField {
  /** Number on the wire, 1 to 536,870,911. */
  readonly tag: number;
  /**
   * A scalar, or the name of an enum or a schema: `Color`; a list of these: `repeated_int32`; or a
   * map, written without blanks: `map<string,Color>`.
   */
  readonly type: string;
  /** Whether a list of numbers, booleans or enum values is one record. @default false */
  readonly packed?: boolean;
  /** Refuses messages without the field, in both directions. @default false */
  readonly required?: boolean;
  /** Name of a group of fields of which at most one is set. */
  readonly oneof?: string;
  /** What decoding gives when the field is absent: a scalar, or an enum's number or member name. */
  readonly default?: unknown;
}

/** King's limit is 256 by default and not enforced; more than this is taken for a mistake. */
const maxFields = 1024;

const kingOptions: readonly string[] = ["tag", "type", "packed", "required", "oneof", "default"];

/**
 * Makes a schema of profile `king` from the array form of King's extension, turned into an object:
 * `fromKing("User", { id: { tag: 1, type: "uint64", required: true } })`.
 *
 * Other than in King, a schema may name itself, keys of maps may have 64 bits, and with a registry a
 * type may be defined later than it is named. Without one, only scalars and the schema itself have
 * names.
 *
 * @param registry - collects the schema, and is where names of types are looked up.
 * @throws {KingError} `KING_IIBIN_SCHEMA_INVALID` for what King refuses too, naming schema, field and
 * rule; `KING_IIBIN_REGISTRY` when the registry has the name already.
 */
export function fromKing(
  name: string,
  fields: Readonly<Record<string, KingField>>,
  registry?: Registry,
): AnySchema {
  if (typeof fields !== "object" || fields === null || Array.isArray(fields))
    throw iibinErrors.create(
      "KING_IIBIN_SCHEMA_INVALID",
      `schema ${name}: expected an object of fields, got ${describeValue(fields)}`,
      { schema: name },
    );
  const refuse: FieldRefusal = (field, message) =>
    iibinErrors.create("KING_IIBIN_SCHEMA_INVALID", `schema ${name}, field ${field}: ${message}`, {
      schema: name,
      field,
    });
  // Own keys only, so that a field can have any name.
  const definitions = Object.create(null) as Record<string, FieldDefinition>;
  for (const [key, field] of Object.entries(fields)) {
    checkOptions(key, field, refuse);
    const { type, packed, ...others } = field;
    const { many, one } = splitType(key, type, refuse);
    definitions[key] = {
      ...others,
      ...many,
      // Not packed is how things are, and can be said of any field.
      ...(packed !== undefined && packed !== false && { packed }),
      type: one,
    };
  }
  return defineSchema(name, definitions, {
    profile: "king",
    maxFields,
    ...(registry !== undefined && { registry }),
  });
}

type FieldRefusal = (field: string, message: string) => Error;

function checkOptions(key: string, field: unknown, refuse: FieldRefusal): void {
  if (typeof field !== "object" || field === null || Array.isArray(field))
    throw refuse(key, `expected { tag, type }, got ${describeValue(field)}`);
  if ("field_number" in field)
    throw refuse(key, "expected the number as tag, got field_number, which King refuses too");
  for (const option of Object.keys(field))
    if (!kingOptions.includes(option))
      throw refuse(key, `expected one of ${kingOptions.join(", ")}, got the option ${option}`);
}

interface SplitType {
  readonly many: { readonly repeated?: true; readonly map?: MapKeyType };
  readonly one: string;
}

/** Takes `repeated_...` and `map<...>` apart. */
function splitType(key: string, type: unknown, refuse: FieldRefusal): SplitType {
  const wrong = (expected: string, got: string) =>
    refuse(key, `type: expected ${expected}, got ${got}`);
  if (typeof type !== "string" || type === "")
    throw wrong("the name of a type", describeValue(type));
  if (type.startsWith("repeated_")) {
    const one = type.slice("repeated_".length);
    if (one.startsWith("repeated_") || one.startsWith("map<") || one === "")
      throw wrong("a list of scalars, enums or schemas", type);
    return { many: { repeated: true }, one: checkName(one) };
  }
  if (!type.startsWith("map<")) return { many: {}, one: checkName(type) };
  const comma = type.indexOf(",");
  if (!type.endsWith(">") || comma === -1) throw wrong("map<key,value>", type);
  if (/\s/.test(type)) throw wrong("map<key,value> without blanks", type);
  const map = type.slice("map<".length, comma);
  if (!isMapKeyType(map)) throw wrong('an integer type, "bool" or "string" for the keys', type);
  const one = type.slice(comma + 1, -1);
  if (one.startsWith("repeated_") || one.startsWith("map<") || one === "")
    throw wrong("a scalar, an enum or a schema for the values", type);
  return { many: { map }, one: checkName(one) };

  function checkName(one: string): string {
    const named = /^(enum|message|schema):(.*)$/.exec(one);
    if (named !== null) throw wrong(`the name alone, ${named[2]}`, one);
    return one;
  }
}
