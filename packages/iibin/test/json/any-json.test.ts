import { expect, test } from "vitest";
import { decode } from "../../src/decode.ts";
import { encode } from "../../src/encode.ts";
import { fromJson } from "../../src/json/from-json.ts";
import type { JsonValue } from "../../src/json/json-value.ts";
import { toJson } from "../../src/json/to-json.ts";
import { Registry } from "../../src/registry.ts";
import { defineSchema } from "../../src/schema.ts";
import { wellKnownTypes } from "../../src/well-known/well-known-types.ts";

const Any = wellKnownTypes().schema("google.protobuf.Any");
const registry = new Registry();
defineSchema(
  "app.User",
  { id: { tag: 1, type: "int64" }, proof: { tag: 2, type: Any } },
  { registry },
);
const options = { registry };
const user = { "@type": "example.com/app.User", id: "9007199254740993" };
const invalid = (path: string, message = "") =>
  expect.objectContaining({
    code: "KING_IIBIN_JSON_INVALID",
    details: expect.objectContaining({ path }),
    message: expect.stringContaining(message),
  });

test.each<[string, JsonValue]>([
  ["nothing", {}],
  ["a message", user],
  ["a message of zeros", { "@type": "/app.User" }],
  ["itself", { "@type": "x/google.protobuf.Any", value: user }],
  ["another one in a field", { "@type": "x/app.User", id: "1", proof: user }],
  ["a type of a form of its own", { "@type": "x/google.protobuf.Duration", value: "1.500s" }],
  ["null", { "@type": "x/google.protobuf.Value", value: null }],
  ["an empty message", { "@type": "x/google.protobuf.Empty" }],
])("any holds %s", (_, json) => {
  const message = fromJson(Any, json, options);
  expect(toJson(Any, message as never, options)).toEqual(json);
  expect(fromJson(Any, json, { ...options, int64: "number" })).toEqual(message);
});

test("what it holds is the bytes of the message", () => {
  const message = fromJson(Any, user, options);
  expect(message).toEqual({
    typeUrl: "example.com/app.User",
    value: encode(registry.schema("app.User"), { id: 9_007_199_254_740_993n }),
  });
  expect(decode(Any, encode(Any, message as never))).toEqual(message);
});

test("an empty message is also read in the form that some write", () => {
  const json = { "@type": "x/google.protobuf.Empty", value: {} };
  expect(fromJson(Any, json)).toEqual({ typeUrl: json["@type"], value: new Uint8Array() });
});

test.each<[string, unknown, string]>([
  ["no object", "x", ""],
  ["no type", { id: 1 }, "@type"],
  ["a type that is no text", { "@type": 1 }, "@type"],
  ["a type without a slash", { "@type": "app.User" }, "@type"],
  ["a type without a name", { "@type": "x/" }, "@type"],
  ["a type that is not registered", { "@type": "x/app.Group" }, "@type"],
  ["an enum", { "@type": "x/google.protobuf.NullValue" }, "@type"],
  ["an unknown field", { "@type": "x/app.User", name: 1 }, ""],
  ["a wrong field", { "@type": "x/app.User", id: "x" }, "id"],
  ["no value", { "@type": "x/google.protobuf.Duration" }, ""],
  ["more than a value", { "@type": "x/google.protobuf.Duration", value: "1s", id: 1 }, ""],
])("%s is refused", (_, json, path) => {
  expect(() => fromJson(Any, json, options)).toThrow(invalid(path));
});

test("unknown fields beside a value are passed over where asked", () => {
  const json = { "@type": "x/google.protobuf.Duration", value: "1s", id: 1 };
  expect(fromJson(Any, json, { ignoreUnknownFields: true })).toMatchObject({
    typeUrl: json["@type"],
  });
});

test("bytes that are no message of the type have no JSON", () => {
  const message = { typeUrl: "x/app.User", value: Uint8Array.of(8) };
  expect(() => toJson(Any, message, options)).toThrow(invalid("", "expected bytes of app.User"));
  expect(() => toJson(Any, message)).toThrow(invalid("", "expected a type of the registry"));
});

test("one in another and so on ends at the limit of depth", () => {
  let json: JsonValue = {};
  for (let i = 0; i < 101; i++) json = { "@type": "x/google.protobuf.Any", value: json };
  expect(() => fromJson(Any, json)).toThrow(expect.objectContaining({ code: "KING_IIBIN_LIMIT" }));
});
