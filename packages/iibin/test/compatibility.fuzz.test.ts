import fc from "fast-check";
import { expect, test } from "vitest";
import { checkCompatibility } from "../src/compatibility.ts";
import { decode } from "../src/decode.ts";
import { encode } from "../src/encode.ts";
import type { Profile } from "../src/schema.ts";
import { arbitraryMessageOf } from "./arbitrary-message.ts";
import {
  arbitraryPlan,
  defineRoot,
  type FieldPlan,
  type Label,
  type MessagePlan,
  type Plan,
} from "./arbitrary-schema.ts";
import { printValue } from "./print-value.ts";

// Neighbours on the wire more often than strangers.
const scalarTypes = [
  ...(["bool", "int32", "uint32", "int64", "uint64", "sint32", "sint64"] as const),
  ...(["fixed32", "sfixed32", "float", "fixed64", "sfixed64", "string", "bytes"] as const),
];

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);

/** A plan, and the same with some fields changed, new or gone. */
function arbitraryChange(profile: Profile) {
  const plans = arbitraryPlan({ profile, names: "plain" });
  return fc.record({ old: plans, other: plans }).chain(({ old, other }) => {
    const next = fc
      .tuple(...old.messages.map((message) => arbitraryMessageChange(message, other)))
      .map((messages): Plan => ({ ...old, messages }));
    return next.chain((changed) =>
      fc.record({
        old: fc.constant(old),
        next: fc.constant(changed),
        written: arbitraryMessageOf(old),
        writtenNext: arbitraryMessageOf(changed),
      }),
    );
  });
}

function arbitraryMessageChange(message: MessagePlan, other: Plan): fc.Arbitrary<MessagePlan> {
  const shapes = other.messages
    .flatMap(({ fields }) => fields)
    .filter(({ type, label }) => !(type.kind === "message" || isDefault(label)));
  const fields = message.fields.map((field): fc.Arbitrary<FieldPlan | undefined> => {
    const { tag, name } = field;
    return fc.oneof(
      { weight: 40, arbitrary: fc.constant(field) },
      { weight: 1, arbitrary: fc.constant(undefined) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(...scalarTypes).map(
          (scalar): FieldPlan => ({
            ...field,
            type: { kind: "scalar", scalar },
            label: plainLabel(field.label),
          }),
        ),
      },
      ...(shapes.length === 0
        ? []
        : [
            {
              weight: 1,
              arbitrary: fc.constantFrom(...shapes).map((shape) => ({ ...shape, tag, name })),
            },
            {
              weight: 4,
              arbitrary: fc.constantFrom(...shapes).map(({ label }): FieldPlan => {
                const keepsType = label.kind !== "repeated" || label.packed === undefined;
                return keepsType && field.type.kind !== "message" ? { ...field, label } : field;
              }),
            },
          ]),
    );
  });
  return fc.tuple(...fields).map((chosen) => ({
    name: message.name,
    fields: chosen.filter((field) => field !== undefined),
  }));
}

const isDefault = (label: Label) => label.kind === "default";

/** What fits fields of any type. */
function plainLabel(label: Label): Label {
  if (label.kind === "default") return { kind: "optional" };
  return label.kind === "repeated" ? { kind: "repeated", required: label.required } : label;
}

test.each<Profile>(["protobuf", "king"])(
  "in profile %s, what goes on as compatible is read, and as the same when nothing was found",
  (profile) => {
    const seen = { breaks: 0, warnings: 0, same: 0 };
    fc.assert(
      fc.property(arbitraryChange(profile), ({ old, next, written, writtenNext }) => {
        const oldSchema = defineRoot(old);
        const nextSchema = defineRoot(next);
        const { compatible, warnings } = checkCompatibility(oldSchema, nextSchema);
        if (!compatible) {
          seen.breaks++;
          return;
        }
        const bytes = encode(oldSchema, written.input);
        const read = decode(nextSchema, bytes);
        if (warnings.length > 0) {
          seen.warnings++;
          return;
        }
        seen.same++;
        expect(printValue(read)).toBe(printValue(decode(oldSchema, bytes)));
        const nextBytes = encode(nextSchema, writtenNext.input);
        expect(printValue(decode(oldSchema, nextBytes))).toBe(
          printValue(decode(nextSchema, nextBytes)),
        );
      }),
      { numRuns },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
  },
  60_000 + numRuns * 100,
);
