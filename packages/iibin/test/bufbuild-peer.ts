import {
  create,
  createFileRegistry,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  Edition,
  EnumDescriptorProtoSchema,
  FeatureSet_FieldPresence,
  FeatureSet_RepeatedFieldEncoding,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  FieldDescriptorProto_Label as FieldLabel,
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { Sent } from "./arbitrary-message.ts";
import type { FieldPlan, MessagePlan, Plan, TypePlan } from "./arbitrary-schema.ts";
import { completeMessage, isList, isMap, isMessage } from "./expected-message.ts";
import type { Peer } from "./peer.ts";

type Properties = Record<string, unknown>;

/** @bufbuild/protobuf, from a file descriptor. */
export function bufbuildPeer(plan: Plan): Peer {
  const registry = createFileRegistry(fileOf(plan), () => undefined);
  return {
    encode: (sent) => toBinary(descOf(sent.plan), toPeer(sent) as Message),
    decode: (bytes) => {
      const message = plan.messages[0] as MessagePlan;
      return fromPeer(0, fromBinary(descOf(message), bytes) as object as Properties);
    },
  };

  function descOf({ name }: MessagePlan): DescMessage {
    return registry.getMessage(name) as DescMessage;
  }

  function descField(message: MessagePlan, { tag }: FieldPlan): DescField {
    return descOf(message).fields.find(({ number }) => number === tag) as DescField;
  }

  function toPeer(sent: Sent): unknown {
    if (isMessage(sent)) {
      const made = create(descOf(sent.plan));
      for (const [field, value] of sent.fields) {
        const { localName, oneof } = descField(sent.plan, field);
        (made as object as Properties)[oneof?.localName ?? localName] = oneof
          ? { case: localName, value: toPeer(value) }
          : toPeer(value);
      }
      return made;
    }
    if (isMap(sent))
      return Object.fromEntries([...sent.entries].map(([key, value]) => [key, toPeer(value)]));
    return isList(sent) ? sent.map(toPeer) : sent;
  }

  function fromPeer(index: number, value: Properties): object {
    const message = plan.messages[index] as MessagePlan;
    return completeMessage(plan, message, (field) => {
      const { localName, oneof } = descField(message, field);
      if (oneof) {
        const { case: chosen, value: held } = value[oneof.localName] as Properties;
        return chosen === localName ? fromPeerValue(field.type, held) : undefined;
      }
      // What is on the prototype only is absent.
      const found = Object.getOwnPropertyDescriptor(value, localName)?.value as unknown;
      if (found === undefined) return undefined;
      if (field.label.kind === "repeated")
        return (found as unknown[]).map((item) => fromPeerValue(field.type, item));
      if (field.label.kind === "map")
        return Object.fromEntries(
          Object.entries(found as Properties).map(([key, item]) => [
            key,
            fromPeerValue(field.type, item),
          ]),
        );
      return fromPeerValue(field.type, found);
    });
  }

  function fromPeerValue(type: TypePlan, value: unknown): unknown {
    return type.kind === "message" ? fromPeer(type.message, value as Properties) : value;
  }
}

function fileOf(plan: Plan) {
  return create(FileDescriptorProtoSchema, {
    name: "plan.proto",
    syntax: "editions",
    edition: Edition.EDITION_2023,
    enumType: plan.enums.map(({ name, members }) =>
      create(EnumDescriptorProtoSchema, {
        name,
        value: members.map(([member, number]) => ({ name: member, number })),
      }),
    ),
    messageType: plan.messages.map(({ name, fields }) => {
      const oneofs = [
        ...new Set(fields.flatMap(({ label }) => (label.kind === "oneof" ? [label.oneof] : []))),
      ];
      const maps = fields.filter(({ label }) => label.kind === "map");
      return create(DescriptorProtoSchema, {
        name,
        field: fields.map((field) => fieldOf(plan, name, field, oneofs)),
        oneofDecl: oneofs.map((oneof) => ({ name: oneof })),
        nestedType: maps.map((field) =>
          create(DescriptorProtoSchema, {
            name: `Entry${field.tag}`,
            options: { mapEntry: true },
            field: [
              create(FieldDescriptorProtoSchema, {
                name: "key",
                number: 1,
                label: FieldLabel.OPTIONAL,
                type: scalarType(field.label.kind === "map" ? field.label.key : ""),
              }),
              create(FieldDescriptorProtoSchema, {
                name: "value",
                number: 2,
                label: FieldLabel.OPTIONAL,
                ...typeOf(plan, field.type),
              }),
            ],
          }),
        ),
      });
    }),
  });
}

function fieldOf(
  plan: Plan,
  message: string,
  { name, tag, type, label }: FieldPlan,
  oneofs: readonly string[],
): FieldDescriptorProto {
  const isMany = label.kind === "repeated" || label.kind === "map";
  const presence =
    label.kind === "required"
      ? FeatureSet_FieldPresence.LEGACY_REQUIRED
      : label.kind === "plain" && type.kind !== "message"
        ? FeatureSet_FieldPresence.IMPLICIT
        : undefined;
  const features = {
    ...(presence !== undefined && { fieldPresence: presence }),
    ...(label.kind === "repeated" &&
      label.packed === false && {
        repeatedFieldEncoding: FeatureSet_RepeatedFieldEncoding.EXPANDED,
      }),
  };
  return create(FieldDescriptorProtoSchema, {
    name,
    number: tag,
    label: isMany ? FieldLabel.REPEATED : FieldLabel.OPTIONAL,
    ...(label.kind === "map"
      ? { type: FieldType.MESSAGE, typeName: `.${message}.Entry${tag}` }
      : typeOf(plan, type)),
    ...(label.kind === "oneof" && { oneofIndex: oneofs.indexOf(label.oneof) }),
    options: { features },
  });
}

function typeOf(plan: Plan, type: TypePlan) {
  switch (type.kind) {
    case "scalar":
      return { type: scalarType(type.scalar) };
    case "enum":
      return { type: FieldType.ENUM, typeName: `.${plan.enums[type.enum]?.name}` };
    case "message":
      return { type: FieldType.MESSAGE, typeName: `.${plan.messages[type.message]?.name}` };
  }
}

function scalarType(name: string): FieldType {
  return FieldType[name.toUpperCase() as keyof typeof FieldType];
}
