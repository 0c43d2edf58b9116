import { defineEnum, type Enum } from "../enum.ts";
import { Registry } from "../registry.ts";
import type { ScalarType } from "../scalar-type.ts";
import { type AnySchema, defineSchema } from "../schema.ts";

/**
 * The types that protobuf brings along and its JSON writes in forms of their own: `Any`, `Timestamp`,
 * `Duration`, `FieldMask`, `Empty`, `Struct`, `Value`, `ListValue`, `NullValue` and the wrappers of
 * scalars (`DoubleValue` to `BytesValue`), each under its full name: `google.protobuf.Timestamp`.
 *
 * @returns a registry of the caller's own to add to; the definitions in it are the same each time, so
 * registries that have them can be combined
 */
/* @__NO_SIDE_EFFECTS__ */
export function wellKnownTypes(): Registry {
  definitions ??= define();
  return new Registry(definitions);
}

let definitions: readonly (Enum | AnySchema)[] | undefined;

/** The scalar in each wrapper message, by the wrapper's full name. @internal */
export const wrapperTypes: Readonly<Record<string, ScalarType>> = Object.freeze({
  "google.protobuf.DoubleValue": "double",
  "google.protobuf.FloatValue": "float",
  "google.protobuf.Int64Value": "int64",
  "google.protobuf.UInt64Value": "uint64",
  "google.protobuf.Int32Value": "int32",
  "google.protobuf.UInt32Value": "uint32",
  "google.protobuf.BoolValue": "bool",
  "google.protobuf.StringValue": "string",
  "google.protobuf.BytesValue": "bytes",
});

function define(): readonly (Enum | AnySchema)[] {
  const NullValue = defineEnum("google.protobuf.NullValue", { NULL_VALUE: 0 });
  const Struct = defineSchema("google.protobuf.Struct", {
    fields: { tag: 1, type: (): AnySchema => Value, map: "string" },
  });
  const ListValue = defineSchema("google.protobuf.ListValue", {
    values: { tag: 1, type: (): AnySchema => Value, repeated: true },
  });
  const Value = defineSchema("google.protobuf.Value", {
    nullValue: { tag: 1, type: NullValue, oneof: "kind", protoName: "null_value" },
    numberValue: { tag: 2, type: "double", oneof: "kind", protoName: "number_value" },
    stringValue: { tag: 3, type: "string", oneof: "kind", protoName: "string_value" },
    boolValue: { tag: 4, type: "bool", oneof: "kind", protoName: "bool_value" },
    structValue: { tag: 5, type: Struct, oneof: "kind", protoName: "struct_value" },
    listValue: { tag: 6, type: ListValue, oneof: "kind", protoName: "list_value" },
  });
  return [
    defineSchema("google.protobuf.Any", {
      typeUrl: { tag: 1, type: "string", protoName: "type_url" },
      value: { tag: 2, type: "bytes" },
    }),
    defineSchema("google.protobuf.Timestamp", {
      seconds: { tag: 1, type: "int64" },
      nanos: { tag: 2, type: "int32" },
    }),
    defineSchema("google.protobuf.Duration", {
      seconds: { tag: 1, type: "int64" },
      nanos: { tag: 2, type: "int32" },
    }),
    defineSchema("google.protobuf.FieldMask", {
      paths: { tag: 1, type: "string", repeated: true },
    }),
    defineSchema("google.protobuf.Empty", {}),
    NullValue,
    Struct,
    ListValue,
    Value,
    ...Object.entries(wrapperTypes).map(([name, type]) =>
      defineSchema(name, { value: { tag: 1, type } }),
    ),
  ];
}
