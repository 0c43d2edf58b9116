import { type Enum, isEnum } from "./enum.ts";
import { iibinErrors } from "./errors.ts";
import { fieldTypeName } from "./field-type-name.ts";
import { toBase64 } from "./json/base64.ts";
import type { Reserved } from "./reserved.ts";
import { type AnySchema, isSchema } from "./schema.ts";

/** Plain data about a schema or an enum, as `king iibin describe` prints it. */
export type Description = SchemaDescription | EnumDescription;

export interface SchemaDescription {
  readonly kind: "schema";
  readonly name: string;
  readonly profile: string;
  readonly fields: readonly FieldDescription[];
  /** Tags, ranges of tags and names that no field may use; absent when there are none. */
  readonly reserved?: readonly Reserved[];
}

export interface FieldDescription {
  readonly name: string;
  readonly tag: number;
  /** As in `.proto`: `repeated int32`, `map<string, Level>`. */
  readonly type: string;
  readonly presence: "implicit" | "explicit" | "required";
  readonly packed?: true;
  readonly oneof?: string;
  /** As in JSON: of 64 bits decimal text, of bytes base64, of an enum the number. */
  readonly default?: string | number | boolean;
}

export interface EnumDescription {
  readonly kind: "enum";
  readonly name: string;
  readonly members: Readonly<Record<string, number>>;
}

/**
 * Schemas and enums by name: an explicit collection, in which definitions can name each other before
 * they exist. Names are shared by both kinds and are never redefined.
 */
export class Registry {
  readonly #definitions = new Map<string, Enum | AnySchema>();

  constructor(definitions: Iterable<Enum | AnySchema> = []) {
    for (const each of definitions) this.add(each);
  }

  /** @throws {KingError} `KING_IIBIN_REGISTRY` when another definition has the name. */
  add(definition: Enum | AnySchema): this {
    if (!isSchema(definition) && !isEnum(definition))
      throw iibinErrors.create("KING_IIBIN_REGISTRY", "expected a schema or an enum", { name: "" });
    const { name } = definition;
    const present = this.#definitions.get(name);
    if (present !== undefined && present !== definition)
      throw iibinErrors.create("KING_IIBIN_REGISTRY", `${name} is defined already`, { name });
    this.#definitions.set(name, definition);
    return this;
  }

  has(name: string): boolean {
    return this.#definitions.has(name);
  }

  /** The definition of that name, of either kind. */
  find(name: string): Enum | AnySchema | undefined {
    return this.#definitions.get(name);
  }

  /** @throws {KingError} `KING_IIBIN_REGISTRY` when there is no schema of that name. */
  schema(name: string): AnySchema {
    const found = this.#definitions.get(name);
    if (isSchema(found)) return found;
    throw iibinErrors.create("KING_IIBIN_REGISTRY", `there is no schema ${name}`, { name });
  }

  /** @throws {KingError} `KING_IIBIN_REGISTRY` when there is no enum of that name. */
  enum(name: string): Enum {
    const found = this.#definitions.get(name);
    if (isEnum(found)) return found;
    throw iibinErrors.create("KING_IIBIN_REGISTRY", `there is no enum ${name}`, { name });
  }

  /** Every schema, in the order of definition. */
  schemas(): AnySchema[] {
    return [...this.#definitions.values()].filter(isSchema);
  }

  /** Every enum, in the order of definition. */
  enums(): Enum[] {
    return [...this.#definitions.values()].filter(isEnum);
  }

  /**
   * As the function `describe`.
   *
   * @throws {KingError} `KING_IIBIN_REGISTRY` when nothing has that name, `KING_IIBIN_SCHEMA_INVALID`
   * when a type given by name or function is missing.
   */
  describe(name: string): Description {
    const found = this.#definitions.get(name);
    if (found !== undefined) return describe(found);
    throw iibinErrors.create("KING_IIBIN_REGISTRY", `nothing is called ${name}`, { name });
  }
}

/** A default as proto3's JSON has such values. */
function plain(value: unknown): string | number | boolean {
  if (value instanceof Uint8Array) return toBase64(value);
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)))
    return String(value);
  return value as string | number | boolean;
}

/**
 * A definition as plain data that JSON can hold: defaults of 64 bits are decimal text, bytes base64,
 * and `NaN` and the infinities their names.
 *
 * @throws {KingError} `KING_IIBIN_SCHEMA_INVALID` when a type given by name or function is missing.
 */
export function describe(definition: Enum | AnySchema): Description {
  if (isEnum(definition))
    return { kind: "enum", name: definition.name, members: { ...definition.members } };
  return {
    kind: "schema",
    name: definition.name,
    profile: definition.profile,
    fields: definition.fields.map((field) => ({
      name: field.name,
      tag: field.tag,
      type: fieldTypeName(field),
      presence: field.presence,
      ...(field.packed && { packed: true as const }),
      ...(field.oneof !== undefined && { oneof: field.oneof }),
      ...(field.default !== undefined && { default: plain(field.default) }),
    })),
    ...(definition.reserved.length > 0 && { reserved: definition.reserved }),
  };
}
