import { expect, test } from "vitest";
import { Registry } from "../../src/registry.ts";
import { wellKnownTypes } from "../../src/well-known/well-known-types.ts";

test("every type resolves and is named for protobuf's package", () => {
  const types = wellKnownTypes();
  const fieldCounts = types.schemas().map(({ name, fields }) => [name, fields.length]);
  expect(Object.fromEntries(fieldCounts)).toMatchObject({
    "google.protobuf.Any": 2,
    "google.protobuf.Empty": 0,
    "google.protobuf.Value": 6,
    "google.protobuf.BytesValue": 1,
  });
  expect(types.schemas()).toHaveLength(17);
  expect(types.enum("google.protobuf.NullValue").members).toMatchObject({ NULL_VALUE: 0 });
});

test("registries are the caller's own, and those of two callers can be combined", () => {
  const [one, other] = [wellKnownTypes(), wellKnownTypes()];
  expect(one).not.toBe(other);
  const all = new Registry([...one.schemas(), ...other.schemas()]);
  expect(all.schemas()).toEqual(one.schemas());
});
