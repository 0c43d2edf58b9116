import { optionFault } from "./check-options.ts";
import { compiledSlot } from "./compiled.ts";
import { definitionMark, isDefinition } from "./definition.ts";
import { describeValue } from "./describe-value.ts";
import type { Enum } from "./enum.ts";
import { iibinErrors } from "./errors.ts";
import { type Field, resolveFields } from "./field.ts";
import { isRegistry } from "./is-registry.ts";
import type { Registry } from "./registry.ts";
import { checkReserved, type Reserved } from "./reserved.ts";
import { isMapKeyType, isScalarType, type MapKeyType, type ScalarType } from "./scalar-type.ts";
import { isReservedTag, largestTag } from "./tag-range.ts";

/**
 * Which rules hold: those of proto3, or the strict ones of King's extension.
 *
 * | | `protobuf` | `king` |
 * |---|---|---|
 * | absent scalar | its zero | absent |
 * | zero of a field without `optional`, `required`, `default`, `oneof` | not written | written |
 * | `repeated` scalars | packed unless `packed: false` | packed with `packed: true` |
 * | a field's wire type is another | skipped as unknown | refused |
 * | groups | skipped | refused |
 * | the same message field again | merged | replaced |
 * | integers beyond 32 bits in a field of 32 | cut to 32 bits | refused |
 * | depth | 100 | 32 |
 */
export type Profile = "protobuf" | "king";

/** What a field's values are: a scalar, an enum, a schema, or one of these named or given later. */
export type FieldType = ScalarType | Enum | AnySchema | (() => Enum | AnySchema) | (string & {});

/** One field as {@link defineSchema} takes it. */
export interface FieldDefinition {
  /**
   * Number on the wire, 1 to 536,870,911; never reused for another field. Protobuf reserves 19,000 to
   * 19,999.
   */
  readonly tag: number;
  /**
   * Type of the value, of an item when `repeated`, of the values when `map`. The schema's own name
   * makes the message recursive and is inferred; another name is looked up in the registry; a
   * function gives what is defined further down, and needs a written return type.
   */
  readonly type: FieldType;
  /** A list of values, in order. @default false */
  readonly repeated?: boolean;
  /** Type of the keys: makes the field a map, an object from key to value. */
  readonly map?: MapKeyType;
  /** Whether a list of numbers, booleans or enum values is one record. @default by profile */
  readonly packed?: boolean;
  /** Refuses messages without the field, in both directions. @default false */
  readonly required?: boolean;
  /** Tells absent from zero, as `optional` of proto3; every field of profile `king` does. @default false */
  readonly optional?: boolean;
  /** Name of a group of fields of which at most one is set. */
  readonly oneof?: string;
  /** What decoding gives when the field is absent: a scalar, or an enum's number or member name. */
  readonly default?: unknown;
  /** Name in `.proto` files. @default the key */
  readonly protoName?: string;
  /** Name in JSON. @default the proto name in lower camel case */
  readonly jsonName?: string;
}

export type FieldDefinitions = Readonly<Record<string, FieldDefinition>>;

/** A message type, made by {@link defineSchema}. */
export interface Schema<
  Name extends string = string,
  Fields extends FieldDefinitions = FieldDefinitions,
  In extends Profile = Profile,
> {
  readonly kind: "schema";
  readonly name: Name;
  readonly profile: In;
  /** The fields as they were given, frozen. */
  readonly definition: Fields;
  /** What no field may use, as it was given, frozen. */
  readonly reserved: readonly Reserved[];
  /**
   * The fields with every option decided and types found, in the order of their tags.
   *
   * @throws {KingError} `KING_IIBIN_SCHEMA_INVALID` when a type given by name or function is missing
   * or does not fit; types given at once are checked by `defineSchema`.
   */
  readonly fields: readonly Field[];
}

// biome-ignore lint/suspicious/noExplicitAny: a schema of whichever fields
export type AnySchema = Schema<string, any, Profile>;

/** How {@link defineSchema} goes about it. */
export interface DefineSchemaOptions<In extends Profile = Profile> {
  /** @default "protobuf" */
  readonly profile?: In;
  /** Collects the schema, and is where types given by name are looked up. */
  readonly registry?: Registry;
  /** Most fields. @default 512 */
  readonly maxFields?: number;
  /**
   * Tags, ranges of tags with both ends, and names in `.proto` files that fields had once and none may
   * use again. @default []
   */
  readonly reserved?: readonly Reserved[];
}

/** Fields a schema may have unless `maxFields` says otherwise. */
const usualMaxFields = 512;
const schemaOptions: readonly string[] = ["profile", "registry", "maxFields", "reserved"];

/**
 * Defines a message type. The type of its messages follows from the literal: `Message<typeof User>`.
 *
 * @throws {KingError} `KING_IIBIN_SCHEMA_INVALID` naming schema, field and rule,
 * `KING_IIBIN_REGISTRY` when the registry has the name already.
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineSchema<
  const Name extends string,
  const Fields extends FieldDefinitions,
  In extends Profile = "protobuf",
>(name: Name, fields: Fields, options?: DefineSchemaOptions<In>): Schema<Name, Fields, In> {
  const refuse: Refuse = (field, message) =>
    iibinErrors.create(
      "KING_IIBIN_SCHEMA_INVALID",
      `schema ${name}${field === undefined ? "" : `, field ${field}`}: ${message}`,
      { schema: name, ...(field !== undefined && { field }) },
    );
  if (typeof name !== "string" || name === "")
    throw refuse(undefined, `expected a name, got ${describeValue(name)}`);
  const fault = optionFault(options, schemaOptions);
  if (fault !== undefined) throw refuse(undefined, fault.message);
  const {
    profile = "protobuf" as In,
    registry,
    maxFields = usualMaxFields,
    reserved: reservations = [],
  } = options ?? {};
  if (profile !== "protobuf" && profile !== "king")
    throw refuse(undefined, `expected profile "protobuf" or "king", got ${String(profile)}`);
  if (registry !== undefined && !isRegistry(registry))
    throw refuse(undefined, `registry: expected a Registry, got ${describeValue(registry)}`);
  if (!Number.isSafeInteger(maxFields) || maxFields < 0)
    throw refuse(
      undefined,
      `maxFields: expected an integer from 0 on, got ${describeValue(maxFields)}`,
    );
  const definition = checkDefinitions(fields, profile, maxFields, refuse);
  const reserved = checkReserved(reservations, definition, refuse);
  let resolved: readonly Field[] | undefined;
  const schema: Schema<Name, Fields, In> = {
    ...definitionMark("schema"),
    kind: "schema",
    name,
    profile,
    definition: definition as Fields,
    reserved,
    get fields() {
      resolved ??= resolveFields(schema, registry, refuse);
      return resolved;
    },
    ...compiledSlot(),
  };
  Object.freeze(schema);
  // Types that are there already are checked at once; the others when they are first needed.
  const isLater = ({ type }: FieldDefinition) =>
    typeof type === "function" ||
    (registry !== undefined &&
      typeof type === "string" &&
      !(isScalarType(type) || type === name || registry.has(type)));
  if (!Object.values(definition).some(isLater)) void schema.fields;
  registry?.add(schema);
  return schema;
}

export function isSchema(value: unknown): value is AnySchema {
  return isDefinition(value, "schema");
}

/** Makes the error of a definition. @internal */
export type Refuse = (field: string | undefined, message: string) => Error;

const optionTypes: Readonly<Record<string, string>> = Object.freeze({
  tag: "number",
  repeated: "boolean",
  map: "string",
  packed: "boolean",
  required: "boolean",
  optional: "boolean",
  oneof: "string",
  protoName: "string",
  jsonName: "string",
});

/** Checks all that can be known without the fields' types, and freezes a copy. */
function checkDefinitions(
  given: FieldDefinitions,
  profile: Profile,
  maxFields: number,
  refuse: Refuse,
): FieldDefinitions {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw refuse(undefined, `expected an object of fields, got ${describeValue(given)}`);
  const entries = Object.entries(given);
  if (entries.length > maxFields)
    throw refuse(undefined, `expected at most ${maxFields} fields, got ${entries.length}`);
  const tags = new Map<number, string>();
  const checked = entries.map(([name, givenField]): [string, FieldDefinition] => {
    if (typeof givenField !== "object" || givenField === null)
      throw refuse(name, `expected { tag, type }, got ${describeValue(givenField)}`);
    // A copy is checked, and nothing that objects inherit is taken for an option.
    const field = Object.assign(Object.create(null), givenField) as FieldDefinition;
    for (const [option, value] of Object.entries(field)) {
      if (option === "type" || option === "default" || value === undefined) continue;
      const expected = optionTypes[option];
      if (expected === undefined) throw refuse(name, `unknown option ${option}`);
      if (typeof value !== expected || value === "")
        throw refuse(name, `${option}: expected a ${expected}, got ${describeValue(value)}`);
    }
    const { tag, repeated, map, packed, required, optional, oneof } = field;
    if (!Number.isInteger(tag) || tag < 1 || tag > largestTag)
      throw refuse(
        name,
        `tag: expected an integer from 1 to ${largestTag}, got ${describeValue(tag)}`,
      );
    if (profile === "protobuf" && isReservedTag(tag))
      throw refuse(name, "tag: 19000 to 19999 are reserved by protobuf");
    const earlier = tags.get(tag);
    if (earlier !== undefined) throw refuse(name, `tag ${tag} is the tag of ${earlier} already`);
    tags.set(tag, name);
    if (map !== undefined && !isMapKeyType(map))
      throw refuse(name, `map: expected an integer type, "bool" or "string", got ${map}`);
    const clash = (...pairs: [string, unknown][]) => {
      const set = pairs.filter(([, value]) => value !== undefined && value !== false);
      if (set.length > 1)
        throw refuse(name, `${set[0]?.[0]} and ${set[1]?.[0]} exclude each other`);
    };
    const many: [string, unknown] = repeated === true ? ["repeated", true] : ["map", map];
    clash(["repeated", repeated], ["map", map]);
    clash(many, ["optional", optional], ["oneof", oneof], ["default", field.default]);
    clash(["oneof", oneof], ["required", required], ["default", field.default]);
    clash(["required", required], ["default", field.default]);
    clash(["required", required], ["optional", optional]);
    if (map !== undefined && required === true)
      throw refuse(name, "map and required exclude each other");
    if (packed !== undefined && repeated !== true)
      throw refuse(name, "packed needs repeated: true");
    return [name, Object.freeze(field)];
  });
  // Own keys only, so that a field can have any name.
  const own = Object.create(null) as Record<string, FieldDefinition>;
  for (const [name, field] of checked) own[name] = field;
  return Object.freeze(own);
}
