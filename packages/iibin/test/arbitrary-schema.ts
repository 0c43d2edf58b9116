import fc from "fast-check";
import { defineEnum } from "../src/enum.ts";
import { Registry } from "../src/registry.ts";
import type { MapKeyType, ScalarType } from "../src/scalar-type.ts";
import { type AnySchema, defineSchema, type FieldDefinition, type Profile } from "../src/schema.ts";
import { arbitraryScalar, type Scalar } from "./arbitrary-scalar.ts";

/** Schemas that name each other, as plain data that fast-check can print and other codecs can be told. */
export interface Plan {
  readonly profile: Profile;
  readonly enums: readonly EnumPlan[];
  /** The first is the root. */
  readonly messages: readonly MessagePlan[];
}

export interface EnumPlan {
  readonly name: string;
  /** The first is 0, as proto3 wants it. */
  readonly members: readonly (readonly [name: string, number: number])[];
}

export interface MessagePlan {
  readonly name: string;
  readonly fields: readonly FieldPlan[];
}

export interface FieldPlan {
  readonly name: string;
  readonly tag: number;
  readonly type: TypePlan;
  readonly label: Label;
}

export type TypePlan =
  | { readonly kind: "scalar"; readonly scalar: ScalarType }
  | { readonly kind: "enum"; readonly enum: number }
  | { readonly kind: "message"; readonly message: number };

export type Label =
  | { readonly kind: "plain" }
  | { readonly kind: "optional" }
  | { readonly kind: "required" }
  | { readonly kind: "oneof"; readonly oneof: string }
  /** As decoding gives it. */
  | { readonly kind: "default"; readonly default: Scalar }
  | { readonly kind: "repeated"; readonly packed?: boolean; readonly required: boolean }
  | { readonly kind: "map"; readonly key: MapKeyType };

const scalarTypes = [
  "double",
  "float",
  "int32",
  "int64",
  "uint32",
  "uint64",
  "sint32",
  "sint64",
  "fixed32",
  "fixed64",
  "sfixed32",
  "sfixed64",
  "bool",
  "string",
  "bytes",
] as const satisfies readonly ScalarType[];

const mapKeyTypes = scalarTypes.filter(
  (type): type is MapKeyType => type !== "double" && type !== "float" && type !== "bytes",
);

export interface PlanOptions {
  readonly profile: Profile;
  /**
   * `plain` for identifiers that no object inherits, which other codecs trip over; `identifier` for
   * what `.proto` files can say; `any` for every text, and `__proto__`.
   */
  readonly names: "plain" | "identifier" | "any";
}

/** Up to four schemas of up to ten fields, which may contain each other and themselves. */
export function arbitraryPlan(options: PlanOptions): fc.Arbitrary<Plan> {
  return fc
    .record({
      enums: fc.tuple(...[0, 1].map((index) => arbitraryEnum(index, options))),
      messageCount: fc.integer({ min: 1, max: 4 }),
    })
    .chain(({ enums, messageCount }) =>
      fc.record({
        profile: fc.constant(options.profile),
        enums: fc.constant(enums),
        messages: fc.tuple(
          ...Array.from({ length: messageCount }, (_, index) =>
            arbitraryMessage(index, messageCount, enums, options),
          ),
        ),
      }),
    );
}

const plainName = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,10}$/) },
  { weight: 1, arbitrary: fc.constantFrom("length", "class", "default", "value", "name", "if") },
);

const inheritedName = fc.constantFrom("constructor", "toString", "valueOf", "hasOwnProperty");

const oddName = fc.oneof(
  fc.constantFrom("__proto__", "prototype", "a b", 'say "hi"', "line\nbreak", "\u2028", "0", "-1"),
  fc.constantFrom(
    "it's",
    "back\\slash",
    "$\u007bx}",
    "`",
    "*/",
    "</script>",
    "\0",
    "ü",
    "😀",
    "if",
  ),
  fc.string({ unit: "binary", minLength: 1, maxLength: 6 }),
);

function arbitraryName({ names }: PlanOptions): fc.Arbitrary<string> {
  if (names === "plain") return plainName;
  if (names === "identifier")
    return fc.oneof({ weight: 8, arbitrary: plainName }, { weight: 1, arbitrary: inheritedName });
  return fc.oneof(plainName, inheritedName, oddName);
}

/** Names that one `.proto` file, or another codec's case conversion, would take for the same. */
function folded(name: string): string {
  return name.replaceAll("_", "").toLowerCase() || name;
}

function arbitraryEnum(index: number, options: PlanOptions): fc.Arbitrary<EnumPlan> {
  const member = fc.tuple(
    // Members of all enums share one scope in `.proto` files.
    options.names === "any" ? arbitraryName(options) : plainName.map((name) => `${name}_${index}`),
    fc.oneof(
      fc.integer({ min: 1, max: 200 }),
      fc.integer().filter((number) => number !== 0),
    ),
  );
  return fc
    .uniqueArray(member, {
      maxLength: 4,
      comparator: (a, b) => a[1] === b[1] || folded(a[0]) === folded(b[0]),
    })
    .map((members) => ({
      name: `E${index}`,
      members: [
        [`ZERO_${index}`, 0],
        ...members.filter(([name]) => folded(name) !== `zero${index}`),
      ],
    }));
}

const arbitraryTag = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 15 }) },
  { weight: 3, arbitrary: fc.integer({ min: 16, max: 2_047 }) },
  { weight: 1, arbitrary: fc.integer({ min: 2_048, max: 18_999 }) },
  { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 2 ** 29 - 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(15, 16, 2_047, 2_048, 18_999, 20_000, 2 ** 29 - 1) },
);

const oneofNames = ["choice_1", "choice_2"] as const;

function arbitraryMessage(
  index: number,
  messageCount: number,
  enums: readonly EnumPlan[],
  options: PlanOptions,
): fc.Arbitrary<MessagePlan> {
  const reserved = oneofNames.map(folded);
  const field = fc.record({
    name: arbitraryName(options).filter((name) => !reserved.includes(folded(name))),
    tag: arbitraryTag,
    shape: arbitraryShape(index, messageCount, enums, options),
  });
  return fc
    .uniqueArray(field, {
      maxLength: 10,
      comparator: (a, b) => a.tag === b.tag || folded(a.name) === folded(b.name),
    })
    .map((fields) => ({
      name: `M${index}`,
      fields: fields.map(({ name, tag, shape }) => ({ name, tag, ...shape })),
    }));
}

type Shape = Pick<FieldPlan, "type" | "label">;

function arbitraryShape(
  index: number,
  messageCount: number,
  enums: readonly EnumPlan[],
  options: PlanOptions,
): fc.Arbitrary<Shape> {
  const scalar: fc.Arbitrary<TypePlan> = fc
    .constantFrom(...scalarTypes)
    .map((type) => ({ kind: "scalar", scalar: type }));
  const enumType: fc.Arbitrary<TypePlan> = fc
    .nat({ max: enums.length - 1 })
    .map((type) => ({ kind: "enum", enum: type }));
  const message: fc.Arbitrary<TypePlan> = fc
    .nat({ max: messageCount - 1 })
    .map((type) => ({ kind: "message", message: type }));
  const anyType = fc.oneof(
    { weight: 5, arbitrary: scalar },
    { weight: 1, arbitrary: enumType },
    { weight: 2, arbitrary: message },
  );
  const label = (type: TypePlan): fc.Arbitrary<Label> => {
    const labels: fc.Arbitrary<Label>[] = [
      fc.constant({ kind: "plain" }),
      fc.constant({ kind: "plain" }),
      fc.constant({ kind: "optional" }),
      fc.constantFrom(...oneofNames).map((oneof) => ({ kind: "oneof", oneof })),
      fc.constantFrom(...mapKeyTypes).map((key) => ({ kind: "map", key })),
      fc
        .record({
          packed: isPackable(type)
            ? fc.option(fc.boolean(), { nil: undefined })
            : fc.constant(undefined),
          required: requirable(type) ? fc.nat({ max: 7 }) : fc.constant(1),
        })
        .map(({ packed, required }) => ({
          kind: "repeated",
          ...(packed !== undefined && { packed }),
          required: required === 0,
        })),
    ];
    if (requirable(type)) labels.push(fc.constant({ kind: "required" }));
    if (type.kind === "scalar")
      labels.push(
        arbitraryScalar(type.scalar, options.profile).map(({ sent }) => ({
          kind: "default",
          default: sent,
        })),
      );
    if (type.kind === "enum")
      labels.push(
        fc
          .constantFrom(...(enums[type.enum]?.members ?? []))
          .map(([, number]) => ({ kind: "default", default: number })),
      );
    return fc.oneof(...labels);
  };
  return anyType.chain((type) => fc.record({ type: fc.constant(type), label: label(type) }));

  // A message that must hold a message of its own kind would have no end.
  function requirable(type: TypePlan): boolean {
    return type.kind !== "message" || type.message > index;
  }
}

function isPackable(type: TypePlan): boolean {
  return (
    type.kind === "enum" ||
    (type.kind === "scalar" && type.scalar !== "string" && type.scalar !== "bytes")
  );
}

/** Defines a plan's schemas; the root comes back. */
export function defineRoot(plan: Plan): AnySchema {
  const registry = new Registry();
  for (const { name, members } of plan.enums)
    defineEnum(name, Object.fromEntries(members), { registry });
  for (const { name, fields } of plan.messages)
    defineSchema(
      name,
      Object.fromEntries(fields.map((field) => [field.name, definitionOf(plan, field, registry)])),
      { profile: plan.profile, registry },
    );
  return registry.schema("M0");
}

function definitionOf(plan: Plan, field: FieldPlan, registry: Registry): FieldDefinition {
  const { tag, type, label } = field;
  // Every way of naming a type is used.
  const named = tag % 2 === 0;
  const given =
    type.kind === "scalar"
      ? type.scalar
      : type.kind === "enum"
        ? named
          ? nameOf(plan.enums, type.enum)
          : registry.enum(nameOf(plan.enums, type.enum))
        : named
          ? nameOf(plan.messages, type.message)
          : () => registry.schema(nameOf(plan.messages, type.message));
  switch (label.kind) {
    case "plain":
      return { tag, type: given };
    case "optional":
      return { tag, type: given, optional: true };
    case "required":
      return { tag, type: given, required: true };
    case "oneof":
      return { tag, type: given, oneof: label.oneof };
    case "default":
      return { tag, type: given, default: label.default };
    case "map":
      return { tag, type: given, map: label.key };
    case "repeated":
      return {
        tag,
        type: given,
        repeated: true,
        ...(label.packed !== undefined && { packed: label.packed }),
        ...(label.required && { required: true }),
      };
  }
}

function nameOf(list: readonly { readonly name: string }[], index: number): string {
  const found = list[index];
  if (!found) throw new RangeError(`the plan has no type ${index}`);
  return found.name;
}
