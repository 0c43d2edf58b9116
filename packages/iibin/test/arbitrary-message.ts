import fc from "fast-check";
import type { MapKeyType } from "../src/scalar-type.ts";
import { arbitraryScalar, type Sample, type Scalar } from "./arbitrary-scalar.ts";
import type { FieldPlan, MessagePlan, Plan, TypePlan } from "./arbitrary-schema.ts";

/** What goes over the wire, as decoding gives it: messages are maps by field, without the absent. */
export type Sent = Scalar | SentMessage | SentMap | readonly Sent[];

export interface SentMessage {
  readonly kind: "message";
  readonly plan: MessagePlan;
  readonly fields: ReadonlyMap<FieldPlan, Sent>;
}

/** Keys as decoded objects have them: in text. */
export interface SentMap {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Sent>;
}

const deepest = 3;

/** Messages that fit the root of a plan. */
export function arbitraryMessageOf(
  plan: Plan,
): fc.Arbitrary<Sample<Record<string, unknown>, SentMessage>> {
  return message(plan, 0, 0);
}

function message(
  plan: Plan,
  index: number,
  depth: number,
): fc.Arbitrary<Sample<Record<string, unknown>, SentMessage>> {
  const messagePlan = plan.messages[index];
  if (!messagePlan) throw new RangeError(`the plan has no message ${index}`);
  const slots = messagePlan.fields.map((field) => slot(plan, field, depth));
  return fc
    .record({
      slots: fc.tuple(...slots),
      chosen: fc.nat({ max: 1_000 }),
      backwards: fc.boolean(),
    })
    .map(({ slots, chosen, backwards }) => {
      const input: [string, unknown][] = [];
      const fields = new Map<FieldPlan, Sent>();
      messagePlan.fields.forEach((field, at) => {
        const found = slots[at];
        const { label } = field;
        const group = messagePlan.fields.filter(
          (other) =>
            label.kind === "oneof" &&
            other.label.kind === "oneof" &&
            other.label.oneof === label.oneof,
        );
        if (found === undefined || (group.length > 0 && group[chosen % group.length] !== field))
          return;
        input.push([field.name, found.input]);
        if (found.sent !== undefined) fields.set(field, found.sent);
      });
      return {
        // Own properties, whatever they are called.
        input: Object.fromEntries(backwards ? input.reverse() : input),
        sent: { kind: "message", plan: messagePlan, fields },
      };
    });
}

/** `undefined` for no key at all; a sample without `sent` for a key that counts as absent. */
function slot(
  plan: Plan,
  field: FieldPlan,
  depth: number,
): fc.Arbitrary<Sample<unknown, Sent | undefined> | undefined> {
  const { type, label } = field;
  if (label.kind === "required" || (label.kind === "repeated" && label.required))
    return values(plan, field, depth);
  const absent = fc.constantFrom(
    undefined,
    { input: undefined, sent: undefined },
    { input: null, sent: undefined },
  );
  if (type.kind === "message" && depth >= deepest) return absent;
  return fc.oneof(
    { weight: 3, arbitrary: values(plan, field, depth) },
    { weight: 1, arbitrary: absent },
  );
}

function values(plan: Plan, field: FieldPlan, depth: number): fc.Arbitrary<Sample<unknown, Sent>> {
  const { type, label } = field;
  const one = value(plan, type, depth);
  if (label.kind === "map") return map(plan, label.key, one);
  if (label.kind !== "repeated") return one;
  const list = fc.array(one, {
    minLength: label.required ? 1 : 0,
    maxLength: type.kind === "message" ? 3 : 20,
  });
  return fc.tuple(list, fc.boolean()).map(([items, typed]) => {
    const sent = items.map((item) => item.sent);
    return {
      input: (typed && typedArray(type, sent)) || items.map((item) => item.input),
      sent,
    };
  });
}

function value(plan: Plan, type: TypePlan, depth: number): fc.Arbitrary<Sample<unknown, Sent>> {
  if (type.kind === "scalar") return arbitraryScalar(type.scalar, plan.profile);
  if (type.kind === "message") return message(plan, type.message, depth + 1);
  const members = plan.enums[type.enum]?.members ?? [];
  // Enums are open: numbers without a member pass.
  return fc.oneof(
    fc.constantFrom(...members).map(([name, number]) => ({ input: name, sent: number })),
    fc.constantFrom(...members).map(([, number]) => ({ input: number, sent: number })),
    fc.integer().map((number) => ({ input: number, sent: number })),
  );
}

function map(
  { profile }: Plan,
  key: MapKeyType,
  one: fc.Arbitrary<Sample<unknown, Sent>>,
): fc.Arbitrary<Sample<unknown, SentMap>> {
  const keys =
    key === "string"
      ? fc.oneof(
          arbitraryScalar("string", profile),
          fc
            .constantFrom("__proto__", "constructor", "toString", "", "0", "-1")
            .map((name) => ({ input: name, sent: name })),
        )
      : arbitraryScalar(key, profile);
  const entries = fc.uniqueArray(fc.tuple(keys, one), {
    maxLength: 5,
    selector: ([name]) => String(name.sent),
  });
  return fc.tuple(entries, fc.boolean()).map(([all, asMap]) => ({
    input: asMap
      ? new Map(all.map(([name, { input }]) => [name.input, input]))
      : Object.fromEntries(all.map(([name, { input }]) => [String(name.sent), input])),
    sent: {
      kind: "map",
      entries: new Map(all.map(([name, { sent }]) => [String(name.sent), sent])),
    },
  }));
}

function typedArray(type: TypePlan, sent: readonly Sent[]): object | undefined {
  switch (type.kind === "scalar" ? type.scalar : type.kind) {
    case "double":
      return Float64Array.from(sent as number[]);
    case "float":
      return Float32Array.from(sent as number[]);
    case "int32":
    case "sint32":
    case "sfixed32":
      return Int32Array.from(sent as number[]);
    case "uint32":
    case "fixed32":
      return Uint32Array.from(sent as number[]);
    case "int64":
    case "sint64":
    case "sfixed64":
      return BigInt64Array.from(sent as bigint[]);
    case "uint64":
    case "fixed64":
      return BigUint64Array.from(sent as bigint[]);
    default:
      return undefined;
  }
}
