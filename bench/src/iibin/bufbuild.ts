import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import type { Codec } from "./codec.ts";
import { type ContentName, contents } from "./messages.ts";

type Properties = Record<string, unknown>;

const bigintFields = ["ts", "created", "updated", "offset", "total"];

/** Messages are made beforehand, which is what its documentation has: `create`, then `toBinary`. */
export function openBufbuild(content: ContentName): Codec {
  const { schema, values } = contents[content];
  const desc = createFileRegistry(describeMessages(), () => undefined).getMessage(
    schema,
  ) as DescMessage;
  return {
    values: values().map((value) => create(desc, withBigints(value) as never)),
    encode: (value) => toBinary(desc, value as Message),
    decode: (bytes) => fromBinary(desc, bytes),
    toPlain: withoutBigints,
  };
}

function withBigints(value: unknown): unknown {
  return changeDeep(value, (name, each) =>
    bigintFields.includes(name) ? BigInt(each as number) : each,
  );
}

function withoutBigints(value: unknown): unknown {
  return changeDeep(value, (_, each) => (typeof each === "bigint" ? Number(each) : each));
}

function changeDeep(value: unknown, change: (name: string, each: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => changeDeep(each, change));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value as Properties)
      .filter(([name]) => !name.startsWith("$"))
      .map(([name, each]) => [name, changeDeep(change(name, each), change)]),
  );
}

/** What protoc makes of `messages.proto`. */
function describeMessages() {
  const field = (name: string, number: number, type: Type, typeName?: string) => ({
    name,
    number,
    type,
    label: Label.OPTIONAL,
    ...(typeName !== undefined && { typeName }),
  });
  const list = (name: string, number: number, type: Type, typeName?: string) => ({
    ...field(name, number, type, typeName),
    label: Label.REPEATED,
  });
  return create(FileDescriptorProtoSchema, {
    name: "messages.proto",
    syntax: "proto3",
    enumType: [
      {
        name: "Level",
        value: ["LOW", "MEDIUM", "HIGH"].map((name, number) => ({ name, number })),
      },
    ],
    messageType: [
      {
        name: "Small",
        field: [
          field("id", 1, Type.UINT32),
          field("ts", 2, Type.INT64),
          field("value", 3, Type.DOUBLE),
          field("name", 4, Type.STRING),
          field("ok", 5, Type.BOOL),
        ],
      },
      { name: "Geo", field: [field("lat", 1, Type.DOUBLE), field("lon", 2, Type.DOUBLE)] },
      {
        name: "Medium",
        field: [
          field("uuid", 1, Type.STRING),
          field("created", 2, Type.INT64),
          field("updated", 3, Type.INT64),
          field("name", 4, Type.STRING),
          field("email", 5, Type.STRING),
          field("level", 6, Type.ENUM, ".Level"),
          field("active", 7, Type.BOOL),
          field("visits", 8, Type.UINT32),
          field("balance", 9, Type.SINT32),
          field("score", 10, Type.DOUBLE),
          field("ratio", 11, Type.FLOAT),
          field("home", 12, Type.MESSAGE, ".Geo"),
          list("scores", 13, Type.INT32),
          list("tags", 14, Type.STRING),
          list("attrs", 15, Type.MESSAGE, ".Medium.AttrsEntry"),
          field("avatar", 16, Type.BYTES),
          field("color", 17, Type.FIXED32),
          field("offset", 18, Type.SINT64),
          field("total", 19, Type.UINT64),
          field("note", 20, Type.STRING),
        ],
        nestedType: [
          {
            name: "AttrsEntry",
            options: { mapEntry: true },
            field: [field("key", 1, Type.STRING), field("value", 2, Type.STRING)],
          },
        ],
      },
      { name: "Large", field: [list("rows", 1, Type.MESSAGE, ".Small")] },
    ],
  });
}
