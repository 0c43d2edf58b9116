import { defineEnum } from "../enum.ts";
import { iibinErrors } from "../errors.ts";
import { lowerCamelCase } from "../field.ts";
import type { Registry } from "../registry.ts";
import { isPackable, isScalarType, type MapKeyType } from "../scalar-type.ts";
import { defineSchema, type FieldDefinition } from "../schema.ts";
import type { ProtoBody, ProtoEnum, ProtoField, ProtoFile, ProtoMessage } from "./proto-file.ts";
import type { ProtoSource } from "./proto-source.ts";
import { findType, maxFullNameLength, type Scope } from "./scope.ts";

/** How messages are to be defined. */
export interface LinkerSettings {
  readonly fieldNames: "camel" | "proto";
  readonly maxFields: number;
}

/** Makes the definitions of one file. */
export class Linker {
  readonly #source: ProtoSource;
  readonly #isVisible: (scope: Scope) => boolean;
  readonly #registry: Registry;
  readonly #settings: LinkerSettings;

  constructor(
    file: ProtoFile,
    isVisible: (scope: Scope) => boolean,
    registry: Registry,
    settings: LinkerSettings,
  ) {
    this.#source = file.source;
    this.#isVisible = isVisible;
    this.#registry = registry;
    this.#settings = settings;
  }

  /** Defines what a file or message holds; `checks` are for when every type is there. */
  defineBody({ enums, messages }: ProtoBody, scope: Scope, checks: (() => void)[]): void {
    const around = scope.fullName === "" ? "" : `${scope.fullName}.`;
    for (const each of enums) this.#defineEnum(this.#fullName(around, each), each);
    for (const message of messages) {
      const inner = scope.find(message.name) ?? scope;
      checks.push(this.#defineSchema(this.#fullName(around, message), message, inner));
      this.defineBody(message, inner, checks);
    }
  }

  #fullName(around: string, { name, at }: { name: string; at: number }): string {
    const length = around.length + name.length;
    if (length > maxFullNameLength)
      throw this.#source.invalid(
        at,
        `expected a full name of at most ${maxFullNameLength} characters, got one of ${length}`,
      );
    return around + name;
  }

  #defineEnum(fullName: string, { members, allowAlias, at }: ProtoEnum): void {
    // Own keys only, so that a member can have any name.
    const numbers = Object.create(null) as Record<string, number>;
    for (const { name, number } of members) numbers[name] = number;
    this.#pointAt(at, () =>
      defineEnum(fullName, numbers, { registry: this.#registry, allowAlias }),
    );
  }

  /** Gives the check of the schema's types. */
  #defineSchema(fullName: string, message: ProtoMessage, scope: Scope): () => void {
    const { fieldNames, maxFields } = this.#settings;
    const definitions = Object.create(null) as Record<string, FieldDefinition>;
    const jsonNames = new Map<string, string>();
    for (const field of message.fields) {
      const camel = lowerCamelCase(field.name);
      const key = fieldNames === "proto" || camel === "" ? field.name : camel;
      if (Object.hasOwn(definitions, key))
        throw this.#source.invalid(
          field.at,
          `expected a name that differs in lower camel case, got ${field.name}, which gives ${key} like ${definitions[key]?.protoName}`,
        );
      const jsonName = field.jsonName ?? camel;
      const earlier = jsonNames.get(jsonName);
      if (earlier !== undefined)
        throw this.#source.invalid(
          field.at,
          `expected a name of its own in JSON, got ${field.name}, which is "${jsonName}" like ${earlier}`,
        );
      jsonNames.set(jsonName, field.name);
      definitions[key] = this.#fieldDefinition(field, scope);
    }
    const schema = this.#pointAt(message.at, () =>
      defineSchema(fullName, definitions, {
        registry: this.#registry,
        maxFields,
        reserved: message.reserved,
      }),
    );
    return () => void this.#pointAt(message.at, () => schema.fields);
  }

  #fieldDefinition(field: ProtoField, scope: Scope): FieldDefinition {
    const { name, tag, label, mapKey, oneof, packed, jsonName } = field;
    const { type, canPack } = this.#fieldType(field, scope);
    const isRepeated = label === "repeated";
    if (packed?.value === true && !(isRepeated && canPack))
      throw this.#source.invalid(
        packed.at,
        `expected packed on a list of numbers, booleans or enum values, got it on ${name}`,
      );
    return {
      tag,
      type,
      protoName: name,
      ...(isRepeated && { repeated: true }),
      ...(label === "optional" && { optional: true }),
      ...(mapKey !== undefined && { map: mapKey as MapKeyType }),
      ...(oneof !== undefined && { oneof }),
      ...(packed !== undefined && isRepeated && canPack && { packed: packed.value }),
      ...(jsonName !== undefined && { jsonName }),
    };
  }

  #fieldType(
    { type, typeAt }: ProtoField,
    scope: Scope,
  ): { type: FieldDefinition["type"]; canPack: boolean } {
    if (isScalarType(type)) return { type, canPack: isPackable(type) };
    const found = findType(type, scope, this.#isVisible);
    if (found === undefined) {
      const elsewhere = findType(type, scope, () => true);
      throw this.#source.invalid(
        typeAt,
        `expected a type that exists, got ${type}${elsewhere === undefined ? "" : `: import "${elsewhere.file}", which defines ${elsewhere.fullName}`}`,
      );
    }
    const { fullName, kind } = found;
    const canPack = kind === "enum";
    // A message may be called "string"; by that name a field would have the scalar.
    if (!isScalarType(fullName)) return { type: fullName, canPack };
    const registry = this.#registry;
    return { type: () => (canPack ? registry.enum(fullName) : registry.schema(fullName)), canPack };
  }

  /** What the definition itself refuses, said with a place in the file. */
  #pointAt<T>(at: number, define: () => T): T {
    try {
      return define();
    } catch (error) {
      if (!iibinErrors.is(error)) throw error;
      throw this.#source.invalid(at, error.message, error);
    }
  }
}
