import { expect, test } from "vitest";
import { defineConfig, defineSection, listKey, resolveOptions } from "../src/index.ts";
import { door } from "./sections.ts";

const others = ["signal"];

test("options of a call win over the config, that over the defaults; the outcome is frozen", () => {
  const config = defineConfig({ sections: [door], operator: { door: { width: 90, name: "x" } } });
  const options = { width: 100, name: undefined, signal: null };
  const values = resolveOptions(door, options, { config, others });
  expect([values.width, values.name, values.colour]).toEqual([100, "x", "red"]);
  expect(Object.isFrozen(values)).toBe(true);
  expect(options).toEqual({ width: 100, name: undefined, signal: null });
});

test.each([
  [{ widht: 1 }, "widht: no such option; did you mean width?"],
  [{ width: "1" }, 'width: expected an integer from 60 to 200 (cm), got "1"'],
  [{ width: null }, "width: expected an integer from 60 to 200 (cm), got null"],
  [{ constructor: 1 }, "constructor: no such option"],
])("refuses %j (KING_OPTION_INVALID)", (options, message) => {
  const resolve = () => resolveOptions(door, options, { others });
  expect(resolve).toThrow(expect.objectContaining({ code: "KING_OPTION_INVALID", message }));
});

test("a lock binds options of a call too, an equal value excepted", () => {
  const operator = { policy: { lock: ["door.width"] }, door: { width: 90 } };
  const config = defineConfig({ sections: [door], operator });
  expect(() => resolveOptions(door, { width: 91 }, { config })).toThrow(
    expect.objectContaining({ code: "KING_CONFIG_LOCKED" }),
  );
  expect(resolveOptions(door, { width: 90 }, { config }).width).toBe(90);
});

test("a lock accepts a list that is equal to the operator's, and no other", () => {
  const operator = { policy: { lock: ["door.visitors"] }, door: { visitors: ["ann", "bob"] } };
  const config = defineConfig({ sections: [door], operator });
  const visitors = ["ann", "bob"];
  expect(resolveOptions(door, { visitors }, { config }).visitors).toEqual(visitors);
  expect(() => resolveOptions(door, { visitors: ["ann"] }, { config })).toThrow(
    expect.objectContaining({
      code: "KING_CONFIG_LOCKED",
      details: { key: "door.visitors", policy: "in policy.lock" },
    }),
  );
});

test("a list is frozen, and follows neither the caller's nor the key's own", () => {
  const visitors = ["ann"];
  const values = resolveOptions(door, { visitors });
  visitors.push("bob");
  expect(values.visitors).toEqual(["ann"]);
  expect(Object.isFrozen(values.visitors)).toBe(true);
  expect(Object.isFrozen(visitors)).toBe(false);
  const byDefault = ["cat"];
  const section = defineSection("yard", { pets: listKey({ default: byDefault, doc: "Pets." }) });
  byDefault.push("dog");
  expect(resolveOptions(section).pets).toEqual(["cat"]);
  expect(Object.isFrozen(resolveOptions(section).pets)).toBe(true);
});

test("a security key is locked also without a config", () => {
  expect(() => resolveOptions(door, { locked: false })).toThrow(
    expect.objectContaining({ code: "KING_CONFIG_LOCKED" }),
  );
  const operator = { policy: { unlock: ["door.locked"] } };
  const config = defineConfig({ sections: [door], operator });
  expect(resolveOptions(door, { locked: false }, { config }).locked).toBe(false);
});
