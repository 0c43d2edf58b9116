import fc from "fast-check";
import protobufjs from "protobufjs";
import { expect, test } from "vitest";
import { collectDefinitions } from "../../src/collect-definitions.ts";
import { isEnum } from "../../src/enum.ts";
import type { Field } from "../../src/field.ts";
import { exportProto } from "../../src/proto/export-proto.ts";
import { importProto } from "../../src/proto/import-proto.ts";
import { describe, type Registry } from "../../src/registry.ts";
import type { AnySchema } from "../../src/schema.ts";
import { arbitraryPlan, defineRoot, type Plan } from "../arbitrary-schema.ts";
import { bundledProto } from "./bundled-proto.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);

const plans = fc
  .constantFrom("protobuf", "king")
  .chain((profile) => arbitraryPlan({ profile, names: "plain" }))
  .chain((plan) => fc.constantFrom(plan, nested(plan)));

/** The same with types inside each other. */
function nested(plan: Plan): Plan {
  const places: Record<string, string> = {
    M1: "M0.M1",
    M2: "M0.M1.M2",
    M3: "M0.M3",
    E0: "M0.E0",
    E1: "M0.M1.E1",
  };
  const placed = <T extends { readonly name: string }>(each: T): T => ({
    ...each,
    name: places[each.name] ?? each.name,
  });
  return { ...plan, enums: plan.enums.map(placed), messages: plan.messages.map(placed) };
}

/** The root, when all that has a place in a message has the message beside it. */
function defineWhole(plan: Plan): AnySchema {
  const root = defineRoot(plan);
  const names = new Set(collectDefinitions([root]).keys());
  for (const name of names) fc.pre(!name.includes(".") || names.has(name.replace(/\.\w+$/, "")));
  return root;
}

test("what is exported is imported as the same fields, but for what proto3 lacks", () => {
  const odd = arbitraryPlan({ profile: "protobuf", names: "identifier" });
  fc.assert(
    fc.property(fc.oneof(plans, odd), (plan) => {
      const root = defineWhole(plan);
      const imported = importProto(exportProto([root]), { fieldNames: "proto" });
      for (const [name, definition] of collectDefinitions([root])) {
        if (isEnum(definition)) expect(imported.describe(name)).toEqual(describe(definition));
        else expect(imported.schema(name).fields.map(facts)).toEqual(definition.fields.map(facts));
      }
    }),
    { numRuns },
  );
});

/** What `.proto` can say of a field. */
function facts(field: Field) {
  const { tag, repeated, map, packed, presence, oneof, protoName, jsonName } = field;
  const isMany = repeated || map !== undefined;
  const type =
    field.kind === "scalar"
      ? field.scalar
      : field.kind === "enum"
        ? field.enum.name
        : field.message.name;
  const hasPresence = !isMany && presence !== "implicit";
  return { protoName, jsonName, tag, type, repeated, map, packed, hasPresence, oneof };
}

test("protobufjs reads what is exported as the same fields", () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const text = exportProto([defineWhole(plan)]);
      compare(importProto(text, { fieldNames: "proto" }), text);
    }),
    { numRuns },
  );
});

test.each(["google/protobuf/test_messages_proto3.proto", "conformance/conformance.proto"])(
  "protobufjs reads %s as the same fields",
  (path) => {
    const text = bundledProto(path);
    compare(importProto(text), text);
  },
);

/** Compares an imported file with what protobufjs makes of its text. */
function compare(registry: Registry, text: string): void {
  const { root, imports } = protobufjs.parse(text, { keepCase: true });
  for (const path of imports ?? []) {
    const known = (protobufjs.common as unknown as Record<string, protobufjs.INamespace>)[path];
    root.addJSON(known?.nested ?? {});
  }
  root.resolveAll();
  let compared = 0;
  for (const schema of registry.schemas()) {
    if (schema.name.startsWith("google.")) continue;
    const type = root.lookupType(schema.name);
    const theirs = [...type.fieldsArray].sort((a, b) => a.id - b.id);
    expect(theirs.map(theirFacts)).toEqual(
      // Their names in JSON are those of fields unless a file says otherwise.
      schema.fields.map(facts).map(({ jsonName, ...others }) => others),
    );
    compared += theirs.length;
  }
  for (const { name, members } of registry.enums()) {
    if (name.startsWith("google.")) continue;
    expect({ ...root.lookupEnum(name).values }).toEqual({ ...members });
  }
  expect(compared + registry.enums().length + registry.schemas().length).toBeGreaterThan(0);
}

function theirFacts(field: protobufjs.Field) {
  const { name, id, repeated, packed, resolvedType, type, partOf } = field;
  const oneof = partOf?.isProto3Optional ? undefined : partOf?.name;
  return {
    protoName: name,
    tag: id,
    type: resolvedType?.fullName.slice(1) ?? type,
    repeated,
    map: field instanceof protobufjs.MapField ? field.keyType : undefined,
    packed: repeated && packed && isPackable(field),
    hasPresence:
      !repeated &&
      !field.map &&
      (Boolean(field.hasPresence) || resolvedType instanceof protobufjs.Type),
    oneof,
  };
}

function isPackable({ type, resolvedType }: protobufjs.Field): boolean {
  return resolvedType === null
    ? type !== "string" && type !== "bytes"
    : resolvedType instanceof protobufjs.Enum;
}
