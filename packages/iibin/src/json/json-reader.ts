import type { Enum } from "../enum.ts";
import type { Field } from "../field.ts";
import type { Registry } from "../registry.ts";
import { isInt64Type, type ScalarType } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";
import { setEntry } from "../wire/map-entry.ts";
import { claimOneof } from "./claim-oneof.ts";
import { emptyValue, isEmptyCollection } from "./empty-value.ts";
import type { FromJsonOptions } from "./from-json.ts";
import { jsonFields } from "./json-fields.ts";
import { isJsonObject } from "./json-value.ts";
import type { JsonWalk } from "./json-walk.ts";
import { type Int64Form, int64Value, scalarFromJson } from "./scalar-from-json.ts";
import { specialForm } from "./special-form.ts";

/** Makes messages of the JSON in one walk. */
export class JsonReader {
  readonly walk: JsonWalk;
  readonly registry: Registry | undefined;
  readonly ignoreUnknownFields: boolean;
  #int64: Int64Form;

  constructor(walk: JsonWalk, options: FromJsonOptions) {
    this.walk = walk;
    this.registry = options.registry;
    this.ignoreUnknownFields = options.ignoreUnknownFields ?? false;
    this.#int64 = options.int64 ?? "bigint";
  }

  message(schema: AnySchema, json: unknown): Record<string, unknown> {
    this.walk.descend();
    const form = specialForm(schema);
    const message = form === undefined ? this.#fields(schema, json) : form.read(schema, json, this);
    this.walk.ascend();
    return message;
  }

  /** A message whose numbers of 64 bits are bigint in any case. */
  wide(schema: AnySchema, json: unknown): Record<string, unknown> {
    const before = this.#int64;
    this.#int64 = "bigint";
    const message = this.message(schema, json);
    this.#int64 = before;
    return message;
  }

  /** The value of one field. */
  field(schema: AnySchema, name: string, json: unknown): unknown {
    const field = schema.fields.find((each) => each.name === name) as Field;
    this.walk.enter(name);
    const value = this.#value(field, json);
    this.walk.leave();
    return value;
  }

  scalar(type: ScalarType, json: unknown): unknown {
    return scalarFromJson(type, json, this.walk, this.#int64);
  }

  #fields(schema: AnySchema, json: unknown): Record<string, unknown> {
    if (!isJsonObject(json)) throw this.walk.expected("an object", json);
    const values = this.#given(schema, json);
    const message: Record<string, unknown> = {};
    for (let i = 0; i < values.length; i++) {
      const field = schema.fields[i] as Field;
      const value = values[i] ?? this.#absent(field);
      if (value !== undefined) setEntry(message, field.name, value);
    }
    return message;
  }

  /** The values of the schema's fields, in their order; `undefined` and `null` for what is absent. */
  #given(schema: AnySchema, json: Record<string, unknown>): unknown[] {
    const indices = jsonFields(schema);
    const values = new Array<unknown>(schema.fields.length).fill(undefined);
    let oneofs: Map<string, Field> | undefined;
    for (const key of Object.keys(json)) {
      const index = indices.get(key);
      if (index === undefined) {
        if (this.ignoreUnknownFields) continue;
        throw this.walk.unknownField(schema, key);
      }
      const field = schema.fields[index] as Field;
      this.walk.enter(field.name);
      if (values[index] !== undefined)
        throw this.walk.refuse("expected the field once, got it by two names");
      const given = json[key];
      const value = given === null && !isNullable(field) ? null : this.#value(field, given);
      const isAbsent =
        value === undefined ||
        value === null ||
        (field.presence === "explicit" && isEmptyCollection(field, value));
      if (!isAbsent) oneofs = claimOneof(oneofs, field, this.walk);
      values[index] = isAbsent ? null : value;
      this.walk.leave();
    }
    return values;
  }

  /** What decoding gives for a field that is not there. */
  #absent(field: Field): unknown {
    const { default: otherwise } = field;
    if (otherwise instanceof Uint8Array) return otherwise.slice();
    if (typeof otherwise === "bigint") return int64Value(otherwise, this.walk, this.#int64);
    if (otherwise !== undefined) return otherwise;
    if (field.presence === "explicit") return undefined;
    if (field.presence === "implicit") return emptyValue(field, this.#int64);
    this.walk.enter(field.name);
    throw this.walk.refuse("expected a value, got none");
  }

  /** The value of a field; `undefined` for one that is passed over. */
  #value(field: Field, json: unknown): unknown {
    if (field.repeated) return this.#list(field, json);
    return field.map === undefined ? this.#one(field, json) : this.#map(field, field.map, json);
  }

  #list(field: Field, json: unknown): unknown[] {
    if (!Array.isArray(json)) throw this.walk.expected("a list", json);
    const list: unknown[] = [];
    for (let i = 0; i < json.length; i++) {
      this.walk.enter(`[${i}]`);
      if (field.kind !== "message") this.walk.countItem();
      const value = this.#one(field, json[i]);
      if (value !== undefined) list.push(value);
      this.walk.leave();
    }
    return list;
  }

  #map(field: Field, keys: ScalarType, json: unknown): Record<string, unknown> {
    if (!isJsonObject(json)) throw this.walk.expected("an object", json);
    const map: Record<string, unknown> = {};
    for (const given of Object.keys(json)) {
      this.walk.enterEntry(keys, given);
      if (field.kind !== "message") this.walk.countItem();
      const key = this.#key(keys, given);
      if (Object.hasOwn(map, key)) throw this.walk.refuse("expected each key once");
      const value = this.#one(field, json[given]);
      if (value !== undefined) setEntry(map, key, value);
      this.walk.leave();
    }
    return map;
  }

  /** A map's key as objects have it. */
  #key(type: ScalarType, key: string): string {
    if (type === "bool") {
      if (key !== "true" && key !== "false") throw this.walk.expected("true or false", key);
      return key;
    }
    return String(scalarFromJson(type, key, this.walk, isInt64Type(type) ? "bigint" : this.#int64));
  }

  #one(field: Field, json: unknown): unknown {
    if (field.kind === "scalar") return this.scalar(field.scalar, json);
    return field.kind === "enum" ? this.#enum(field.enum, json) : this.message(field.message, json);
  }

  #enum(type: Enum, json: unknown): number | undefined {
    if (json === null && type.name === nullValue) return 0;
    const number = typeof json === "string" ? type.members[json] : json;
    if (typeof number === "number" && (number | 0) === number) return number + 0;
    if (typeof json === "string" && this.ignoreUnknownFields) return undefined;
    throw this.walk.expected(`a member of ${type.name} or an integer of 32 bits`, json);
  }
}

const nullValue = "google.protobuf.NullValue";

/** Whether `null` is a value of the field, and not its absence. */
function isNullable(field: Field): boolean {
  if (field.repeated || field.map !== undefined) return false;
  return field.kind === "message"
    ? field.message.name === "google.protobuf.Value"
    : field.kind === "enum" && field.enum.name === nullValue;
}
