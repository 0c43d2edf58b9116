import { enumMemberName } from "../enum.ts";
import type { Field } from "../field.ts";
import type { Registry } from "../registry.ts";
import type { ScalarType } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";
import { setEntry } from "../wire/map-entry.ts";
import { isList } from "../wire/message-checks.ts";
import { claimOneof } from "./claim-oneof.ts";
import { emptyValue, isNoNews } from "./empty-value.ts";
import { jsonFields } from "./json-fields.ts";
import { isJsonObject, type JsonObject, type JsonValue, readField } from "./json-value.ts";
import type { JsonWalk } from "./json-walk.ts";
import { scalarToJson } from "./scalar-to-json.ts";
import { specialForm } from "./special-form.ts";
import type { ToJsonOptions } from "./to-json.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Makes JSON of the messages in one walk. */
export class JsonWriter {
  readonly walk: JsonWalk;
  readonly registry: Registry | undefined;
  readonly #always: boolean;
  readonly #useProtoFieldName: boolean;
  readonly #enumsAsIntegers: boolean;

  constructor(walk: JsonWalk, options: ToJsonOptions) {
    this.walk = walk;
    this.registry = options.registry;
    this.#always = options.alwaysPrintFieldsWithNoPresence ?? false;
    this.#useProtoFieldName = options.useProtoFieldName ?? false;
    this.#enumsAsIntegers = options.enumsAsIntegers ?? false;
  }

  message(schema: AnySchema, message: unknown): JsonValue {
    if (!isJsonObject(message)) throw this.walk.expected(`a message of ${schema.name}`, message);
    this.walk.descend();
    this.#refuseUnknown(schema, message);
    const form = specialForm(schema);
    const json =
      form === undefined ? this.#object(schema, message) : form.write(schema, message, this);
    this.walk.ascend();
    return json;
  }

  /** One field of a message, whether it is printed otherwise or not; absent ones as their zero. */
  field(schema: AnySchema, name: string, message: Fields): JsonValue {
    const field = schema.fields.find((each) => each.name === name) as Field;
    this.walk.enter(name);
    const json = this.#value(field, readField(message, name) ?? emptyValue(field, "number"));
    this.walk.leave();
    return json;
  }

  scalar(type: ScalarType, value: unknown): string | number | boolean {
    return scalarToJson(type, value, this.walk);
  }

  #object(schema: AnySchema, message: Fields): JsonObject {
    // Two fields of one name would be one.
    jsonFields(schema);
    const json: JsonObject = {};
    let oneofs: Map<string, Field> | undefined;
    for (const field of schema.fields) {
      const given = readField(message, field.name);
      this.walk.enter(field.name);
      const isAbsent = given === undefined || given === null;
      const isAlways = this.#always && field.presence === "implicit";
      if (isAbsent && field.presence === "required")
        throw this.walk.refuse("expected a value, got none");
      if (!isAbsent || isAlways) {
        oneofs = claimOneof(oneofs, field, this.walk);
        const value = this.#value(field, isAbsent ? emptyValue(field, "number") : given);
        if (isAlways || !isNoNews(field, value))
          setEntry(json, this.#useProtoFieldName ? field.protoName : field.jsonName, value);
      }
      this.walk.leave();
    }
    return json;
  }

  /** What the schema lacks would be lost unseen. */
  #refuseUnknown(schema: AnySchema, message: Fields): void {
    for (const key of Object.keys(message))
      if (!Object.hasOwn(schema.definition, key) && message[key] !== undefined)
        throw this.walk.unknownField(schema, key);
  }

  #value(field: Field, value: unknown): JsonValue {
    if (field.repeated) return this.#list(field, value);
    return field.map === undefined ? this.#one(field, value) : this.#map(field, field.map, value);
  }

  #list(field: Field, value: unknown): JsonValue[] {
    if (!isList(value)) throw this.walk.expected("a list", value);
    const json: JsonValue[] = [];
    for (let i = 0; i < value.length; i++) {
      this.walk.enter(`[${i}]`);
      if (field.kind !== "message") this.walk.countItem();
      json.push(this.#one(field, value[i]));
      this.walk.leave();
    }
    return json;
  }

  #map(field: Field, keys: ScalarType, value: unknown): JsonObject {
    const json: JsonObject = {};
    if (!isJsonObject(value)) throw this.walk.expected("an object or a Map", value);
    for (const [key, entry] of value instanceof Map ? value : Object.entries(value)) {
      this.walk.enterEntry(keys, String(key));
      if (field.kind !== "message") this.walk.countItem();
      setEntry(json, this.#key(keys, key), this.#one(field, entry));
      this.walk.leave();
    }
    return json;
  }

  /** A map's key, which is text when the map is an object. */
  #key(type: ScalarType, key: unknown): string {
    if (typeof key !== "string" || type === "string") return String(this.scalar(type, key));
    if (type === "bool") {
      if (key !== "true" && key !== "false") throw this.walk.expected("true or false", key);
      return key;
    }
    if (!/^-?[0-9]{1,20}$/.test(key)) throw this.walk.expected("an integer", key);
    const integer = BigInt(key);
    return String(this.scalar(type, type.endsWith("64") ? integer : Number(integer)));
  }

  #one(field: Field, value: unknown): JsonValue {
    switch (field.kind) {
      case "scalar":
        return this.scalar(field.scalar, value);
      case "message":
        return this.message(field.message, value);
      case "enum": {
        const number = typeof value === "string" ? field.enum.members[value] : value;
        if (typeof number !== "number" || (number | 0) !== number)
          throw this.walk.expected(
            `a member of ${field.enum.name} or an integer of 32 bits`,
            value,
          );
        if (field.enum.name === "google.protobuf.NullValue") return null;
        return this.#enumsAsIntegers ? number : (enumMemberName(field.enum, number) ?? number);
      }
    }
  }
}
