import protobufjs from "protobufjs";
import type { Sent } from "./arbitrary-message.ts";
import type { FieldPlan, MessagePlan, Plan, TypePlan } from "./arbitrary-schema.ts";
import { completeMessage, isList, isMap, isMessage } from "./expected-message.ts";
import type { Peer } from "./peer.ts";

/** What protobufjs takes for a Long class: it stays exact beyond 2^53 only with one. */
class Long {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;

  constructor(low: number, high: number, unsigned: boolean) {
    this.low = low | 0;
    this.high = high | 0;
    this.unsigned = unsigned;
  }

  static fromBits(low: number, high: number, unsigned: boolean): Long {
    return new Long(low, high, unsigned);
  }

  static fromNumber(value: number, unsigned: boolean): Long {
    return Long.of(BigInt(value), unsigned);
  }

  static fromString(value: string, unsigned: boolean): Long {
    return Long.of(BigInt(value), unsigned);
  }

  static of(value: bigint, unsigned: boolean): Long {
    return new Long(
      Number(BigInt.asIntN(32, value)),
      Number(BigInt.asIntN(32, value >> 32n)),
      unsigned,
    );
  }

  toNumber(): number {
    return Number(this.toBigInt());
  }

  toBigInt(): bigint {
    const bits = (BigInt(this.high) << 32n) | BigInt(this.low >>> 0);
    return this.unsigned ? BigInt.asUintN(64, bits) : BigInt.asIntN(64, bits);
  }
}

/** protobufjs, by reflection. */
export function protobufjsPeer(plan: Plan): Peer {
  const { util } = protobufjs;
  util.Long = Long as never;
  protobufjs.configure();
  const root = protobufjs.Root.fromJSON({ nested: Object.fromEntries(definitions(plan)) });
  return {
    encode: (sent) =>
      root
        .lookupType(sent.plan.name)
        .encode(toPeer(sent) as object)
        .finish(),
    decode: (bytes) => fromPeer(0, root.lookupType("M0").decode(bytes)),
  };

  function toPeer(sent: Sent, type?: TypePlan): unknown {
    if (isMessage(sent)) {
      const entries = [...sent.fields].map(([field, value]): [string, unknown] => [
        field.name,
        field.label.kind === "map" && isMap(value)
          ? Object.fromEntries(
              [...value.entries].map(([key, one]) => [
                toPeerKey(field, key),
                toPeer(one, field.type),
              ]),
            )
          : toPeer(value, field.type),
      ]);
      const made = root.lookupType(sent.plan.name).create();
      // As own properties, also those that the prototype has.
      for (const [name, value] of entries)
        Object.defineProperty(made, name, { value, enumerable: true, writable: true });
      return made;
    }
    if (isList(sent)) return sent.map((item) => toPeer(item, type));
    if (typeof sent === "bigint") return Long.of(sent, isUnsigned(type));
    return sent;
  }

  function toPeerKey(field: FieldPlan, key: string): string {
    if (field.label.kind !== "map" || !field.label.key.endsWith("64")) return key;
    return util.longToHash(Long.of(BigInt(key), false) as never);
  }

  function fromPeer(index: number, value: object): object {
    const message = plan.messages[index] as MessagePlan;
    return completeMessage(plan, message, (field) => {
      const found = Object.getOwnPropertyDescriptor(value, field.name)?.value as unknown;
      if (found === undefined || found === null) return undefined;
      if (field.label.kind === "repeated")
        return (found as unknown[]).map((item) => fromPeerValue(field.type, item));
      if (field.label.kind === "map")
        return Object.fromEntries(
          Object.keys(found).map((key) => [
            fromPeerKey(field, key),
            fromPeerValue(field.type, (found as Record<string, unknown>)[key]),
          ]),
        );
      return fromPeerValue(field.type, found);
    });
  }

  function fromPeerKey({ label }: FieldPlan, key: string): string {
    if (label.kind !== "map" || !label.key.endsWith("64")) return key;
    const unsigned = label.key === "uint64" || label.key === "fixed64";
    const { low, high } = util.longFromHash(key, unsigned) as Long;
    return String(new Long(low, high, unsigned).toBigInt());
  }

  function fromPeerValue(type: TypePlan, value: unknown): unknown {
    if (type.kind === "message") return fromPeer(type.message, value as object);
    return value instanceof Long ? value.toBigInt() : value;
  }
}

function isUnsigned(type: TypePlan | undefined): boolean {
  return type?.kind === "scalar" && (type.scalar === "uint64" || type.scalar === "fixed64");
}

type Nested = NonNullable<protobufjs.INamespace["nested"]>[string];

function* definitions(plan: Plan): Generator<[string, Nested]> {
  for (const { name, members } of plan.enums)
    yield [name, { edition: "2023", values: Object.fromEntries(members) }];
  for (const { name, fields } of plan.messages) {
    const oneofs = new Map<string, string[]>();
    for (const { name, label } of fields)
      if (label.kind === "oneof")
        oneofs.set(label.oneof, [...(oneofs.get(label.oneof) ?? []), name]);
    yield [
      name,
      {
        edition: "2023",
        fields: Object.fromEntries(fields.map((field) => [field.name, definitionOf(plan, field)])),
        oneofs: Object.fromEntries([...oneofs].map(([oneof, names]) => [oneof, { oneof: names }])),
      } as protobufjs.IType,
    ];
  }
}

function definitionOf(plan: Plan, { tag, type, label }: FieldPlan): protobufjs.IField {
  const name =
    type.kind === "scalar"
      ? type.scalar
      : type.kind === "enum"
        ? (plan.enums[type.enum]?.name as string)
        : (plan.messages[type.message]?.name as string);
  const features = {
    ...(label.kind === "plain" && type.kind !== "message" && { field_presence: "IMPLICIT" }),
    ...(label.kind === "required" && { field_presence: "LEGACY_REQUIRED" }),
    ...(label.kind === "repeated" &&
      label.packed === false && { repeated_field_encoding: "EXPANDED" }),
  };
  return {
    id: tag,
    type: name,
    ...(label.kind === "repeated" && { rule: "repeated" }),
    ...(label.kind === "map" && { keyType: label.key }),
    options: { features },
  };
}
