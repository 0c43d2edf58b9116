import { decode } from "../decode.ts";
import { encode } from "../encode.ts";
import type { AnySchema } from "../schema.ts";
import { isSchema } from "../schema.ts";
import { wellKnownTypes } from "../well-known/well-known-types.ts";
import type { JsonReader } from "./json-reader.ts";
import { isJsonObject, type JsonObject } from "./json-value.ts";
import type { JsonWalk } from "./json-walk.ts";
import type { JsonWriter } from "./json-writer.ts";
import { type SpecialForm, specialForm } from "./special-form.ts";

/**
 * `google.protobuf.Any`: the JSON of the message in it with its type under `@type`; where that JSON is
 * no object of fields, it is under `value`.
 */
export const anyForm: SpecialForm = {
  keys: ["typeUrl", "value"],
  write(_, message, to) {
    const typeUrl = to.scalar("string", message["typeUrl"] ?? "") as string;
    const bytes = message["value"] ?? new Uint8Array();
    if (!(bytes instanceof Uint8Array)) throw to.walk.expected("a Uint8Array", bytes);
    if (typeUrl === "" && bytes.length === 0) return {};
    const schema = typeOf(typeUrl, to);
    const json = to.message(schema, decodeContent(schema, bytes, to.walk));
    return specialForm(schema) === undefined
      ? { "@type": typeUrl, ...(json as JsonObject) }
      : { "@type": typeUrl, value: json };
  },
  read(_, json, from) {
    if (!isJsonObject(json)) throw from.walk.expected("an object", json);
    const { "@type": typeUrl, ...rest } = json;
    if (typeUrl === undefined && Object.keys(rest).length === 0)
      return { typeUrl: "", value: new Uint8Array() };
    from.walk.enter("@type");
    if (typeof typeUrl !== "string") throw from.walk.expected("the URL of a type", typeUrl);
    const schema = typeOf(typeUrl, from);
    from.walk.leave();
    const content = from.wide(schema, contentOf(schema, rest, from));
    return { typeUrl, value: encodeContent(schema, content, from.walk) };
  },
};

/** Finds a type by the name after the last slash. */
function typeOf(typeUrl: string, { registry, walk }: JsonReader | JsonWriter): AnySchema {
  const slash = typeUrl.lastIndexOf("/");
  const name = typeUrl.slice(slash + 1);
  if (slash < 0 || name === "") throw walk.refuse("expected a URL that ends in /package.Message");
  const found = registry?.find(name) ?? wellKnownTypes().find(name);
  if (!isSchema(found)) throw walk.refuse("expected a type of the registry, got an unknown one");
  return found;
}

/** What of an Any's JSON is the JSON of its message. */
function contentOf(schema: AnySchema, rest: Record<string, unknown>, from: JsonReader): unknown {
  // Some write the empty object of Empty as they write special forms.
  const isEmpty = schema.name === "google.protobuf.Empty" && Object.hasOwn(rest, "value");
  if (specialForm(schema) === undefined && !isEmpty) return rest;
  const { value, ...others } = rest;
  const [other] = Object.keys(others);
  if (other !== undefined && !from.ignoreUnknownFields) throw from.walk.unknownField(schema, other);
  return value;
}

function decodeContent(schema: AnySchema, bytes: Uint8Array, walk: JsonWalk): unknown {
  try {
    return decode(schema, bytes, { limits: walk.limits });
  } catch (cause) {
    throw walk.refuse(`expected bytes of ${schema.name}`, { cause });
  }
}

function encodeContent(schema: AnySchema, content: unknown, walk: JsonWalk): Uint8Array {
  try {
    return encode(schema, content as never, { copy: true, limits: walk.limits });
  } catch (cause) {
    throw walk.refuse(`expected what ${schema.name} can hold`, { cause });
  }
}
