import { describe, expect, expectTypeOf, test } from "vitest";
import {
  type Config,
  configErrors,
  defineConfig,
  defineSection,
  environmentLayer,
  type HasSection,
  integerKey,
  KingError,
  type OperatorLayer,
  type Section,
  stringKey,
} from "../src/index.ts";
import { door, lamp } from "./sections.ts";

function failure(work: () => unknown): KingError {
  try {
    work();
  } catch (error) {
    if (KingError.is(error)) return error;
    throw error;
  }
  throw new Error("expected a KingError, got no error");
}

describe("defineConfig", () => {
  test("works without any layer: the defaults are there, typed and frozen", () => {
    const config = defineConfig({ sections: [door, lamp] });
    expect(config.section(door)).toEqual({
      enabled: true,
      width: 80,
      maxParcelBytes: 1_024,
      closeAfterMs: 5_000,
      colour: "red",
      name: "front",
      visitors: [],
      locked: true,
      code: undefined,
    });
    expectTypeOf(config.section(door).colour).toEqualTypeOf<"red" | "green">();
    expectTypeOf(config.section(door).code).toEqualTypeOf<string | undefined>();
    expectTypeOf(config.get("lamp.watts")).toEqualTypeOf<number>();
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.section(door))).toBe(true);
    expect(Object.isFrozen(config.section(door).visitors)).toBe(true);
  });

  test("lays overrides over the environment over the operator's file over the defaults", () => {
    const config = defineConfig({
      sections: [door, lamp],
      operator: { door: { width: 90, name: "back", colour: "green" }, lamp: { watts: 1 } },
      environment: environmentLayer({
        variables: { KING_DOOR_NAME: "side", KING_LAMP_WATTS: "2", PATH: "/bin" },
      }),
      overrides: { lamp: { watts: 3 } },
    });
    const keys = ["door.enabled", "door.width", "door.name", "lamp.watts"] as const;
    const seen = keys.map((key) => [config.get(key), config.explain(key).from]);
    expect(seen).toEqual([
      [true, "default"],
      [90, "operator"],
      ["side", "environment"],
      [3, "overrides"],
    ]);
  });

  test("lists everything that is wrong in one error", () => {
    const error = failure(() =>
      defineConfig({
        sections: [door, lamp],
        operator: { door: { width: 10, widht: 1, colour: "blue" }, lmap: {}, lamp: 3 },
        environment: environmentLayer({ variables: { KING_LAMP_WATS: "1" } }),
      }),
    );
    expect(error.code).toBe("KING_CONFIG_INVALID");
    expect(error.message.split("\n")).toEqual([
      "door.width: expected an integer from 60 to 200 (cm), got 10",
      "door.widht: no such setting; did you mean door.width?",
      'door.colour: expected one of "red", "green", got "blue"',
      "lmap: no such section; did you mean lamp?",
      "lamp: expected an object, got 3",
      "KING_LAMP_WATS: no such setting; did you mean KING_LAMP_WATTS?",
    ]);
    expect((error.details["issues"] as unknown[]).length).toBe(6);
  });

  test.each([
    ["a string for a number", { door: { width: "80" } }],
    ["a fraction", { door: { width: 80.5 } }],
    ["NaN", { door: { width: Number.NaN } }],
    ["Infinity where there must be a limit", { door: { width: Number.POSITIVE_INFINITY } }],
    ["null", { door: { name: null } }],
    ["a control character", { door: { name: "a\nb" } }],
    ["a list with a number", { door: { visitors: ["a", 1] } }],
    ["a list for a section", { door: [] }],
    ["an unknown policy", { policy: { allow: true } }],
    ["a lock of a key that is not there", { policy: { lock: ["door.wdith"] } }],
    ["a lock that is not a list", { policy: { lock: "door.width" } }],
    ["a policy that is not an object", { policy: 3 }],
    ["a policy of null", { policy: null }],
    ["a word for overrides", { policy: { overrides: "maybe" } }],
  ])("refuses %s", (_, operator) => {
    const layer = operator as OperatorLayer;
    const error = failure(() => defineConfig({ sections: [door], operator: layer }));
    expect(error.code).toBe("KING_CONFIG_INVALID");
  });

  const watts = integerKey({ default: 1, doc: "" });

  test.each([
    ["a section twice", [lamp, lamp], "lamp"],
    ["two of one name", [lamp, defineSection("lamp", { volts: watts })], "lamp"],
    ["a name in two versions", [lamp, defineSection("lamp", {}, { version: 2 })], "lamp"],
    [
      "keys that share a variable",
      [defineSection("desk", { lampWatts: watts }), defineSection("deskLamp", { watts })],
      "KING_DESK_LAMP_WATTS",
    ],
    [
      "a key that shares the variable of a secret's file",
      [
        defineSection("box", {
          code: stringKey({ default: undefined, secret: true, doc: "" }),
          codeFile: stringKey({ default: "", doc: "" }),
        }),
      ],
      "KING_BOX_CODE_FILE",
    ],
  ])("refuses %s among the sections", (_, sections: readonly Section[], name) => {
    const error = failure(() => defineConfig({ sections }));
    expect(error.code).toBe("KING_CONFIG_INVALID");
    expect(error.message.split("\n")[0]).toBe(`${name}: expected once, got twice`);
  });

  test("refuses a default that its own key does not accept", () => {
    const small = defineSection("small", {
      cups: integerKey({ default: 0, min: 1, doc: "" }),
      unset: stringKey({ default: undefined, doc: "" }),
    });
    const error = failure(() => defineConfig({ sections: [small] }));
    expect(error.message).toBe("small.cups: expected an integer of at least 1, got 0");
  });

  test("takes Infinity, and the word in JSON, where no limit is allowed", () => {
    const config = defineConfig({
      sections: [door],
      operator: { door: { maxParcelBytes: "Infinity" } },
    });
    expect(config.get("door.maxParcelBytes")).toBe(Number.POSITIVE_INFINITY);
    expect(config.toJSON()["door"]?.["maxParcelBytes"]).toBe("Infinity");
  });

  test("is not moved by __proto__ and its like", () => {
    const operator = JSON.parse('{"__proto__":{"door":{"width":90}},"door":{"__proto__":{"a":1}}}');
    const error = failure(() => defineConfig({ sections: [door], operator }));
    expect(error.message).toContain("__proto__: no such section");
    expect(error.message).toContain("door.__proto__: no such setting");
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
    for (const name of ["constructor", "toString", "hasOwnProperty"]) {
      const config = { sections: [door], operator: { door: { [name]: 1 } } };
      expect(failure(() => defineConfig(config)).code).toBe("KING_CONFIG_INVALID");
    }
  });
});

describe("locks", () => {
  const sections = [door, lamp];

  test("keep overrides off what the operator locked, and name the policy", () => {
    const operator = { policy: { lock: ["lamp.watts"] }, lamp: { watts: 5 } };
    const error = failure(() =>
      defineConfig({ sections, operator, overrides: { lamp: { watts: 6 } } }),
    );
    expect(error.code).toBe("KING_CONFIG_LOCKED");
    expect(error.details).toEqual({ key: "lamp.watts", policy: "in policy.lock" });
    const same = defineConfig({ sections, operator, overrides: { lamp: { watts: 5 } } });
    expect(same.get("lamp.watts")).toBe(5);
  });

  test("hold for a whole section", () => {
    const operator = { policy: { lock: ["door.*"] } };
    const overrides = { door: { width: 100 } };
    const error = failure(() => defineConfig({ sections, operator, overrides }));
    expect(error.code).toBe("KING_CONFIG_LOCKED");
  });

  test("hold for security keys without being asked for, until the operator unlocks them", () => {
    const overrides = { door: { locked: false } };
    const error = failure(() => defineConfig({ sections, overrides }));
    expect(error.message).toBe(
      "door.locked: expected the operator's value, got another; a security setting, not in policy.unlock",
    );
    const operator = { policy: { unlock: ["door.locked"] } };
    expect(defineConfig({ sections, operator, overrides }).get("door.locked")).toBe(false);
  });

  test("do not bind the operator's own file and environment", () => {
    const operator = { policy: { lock: ["lamp.watts"] }, door: { locked: false } };
    const environment = environmentLayer({ variables: { KING_LAMP_WATTS: "9" } });
    const config = defineConfig({ sections, operator, environment });
    expect([config.get("door.locked"), config.get("lamp.watts")]).toEqual([false, 9]);
  });

  test("forbid every override when the operator says so, an equal one excepted", () => {
    const operator = { policy: { overrides: "forbid" as const } };
    expect(
      failure(() => defineConfig({ sections, operator, overrides: { lamp: { watts: 1 } } })).code,
    ).toBe("KING_CONFIG_LOCKED");
    const config = defineConfig({ sections, operator, overrides: { lamp: { watts: 8 } } });
    expect(failure(() => config.with({ lamp: { watts: 1 } })).code).toBe("KING_CONFIG_LOCKED");
  });
});

describe("a snapshot", () => {
  test("is never changed by another one made of it", () => {
    const config = defineConfig({ sections: [door, lamp] });
    const brighter = config.with({ lamp: { watts: 60 } });
    expect([config.get("lamp.watts"), brighter.get("lamp.watts")]).toEqual([8, 60]);
    expect(brighter.explain("lamp.watts").from).toBe("overrides");
    expect(failure(() => config.with({ lamp: { watts: -1 } })).code).toBe("KING_CONFIG_INVALID");
  });

  test("does not follow a list that its maker changes afterwards", () => {
    const visitors = ["ann"];
    const config = defineConfig({ sections: [door], overrides: { door: { visitors } } });
    visitors.push("bob");
    expect(config.get("door.visitors")).toEqual(["ann"]);
  });

  test("explains a key: value, origin, default, unit, variable, sentence", () => {
    const config = defineConfig({ sections: [door], operator: { door: { width: 99 } } });
    expect(config.explain("door.width")).toEqual({
      key: "door.width",
      value: 99,
      default: 80,
      from: "operator",
      locked: false,
      security: false,
      unit: "cm",
      expected: "an integer from 60 to 200 (cm)",
      doc: "How wide.",
      environmentName: "KING_DOOR_WIDTH",
    });
    expect(config.explain().map(({ key }) => key)).toContain("door.code");
  });

  test("never shows a secret: not in JSON, not in explain, not in an error", () => {
    const config = defineConfig({ sections: [door], operator: { door: { code: "4711" } } });
    expect(config.section(door).code).toBe("4711");
    expect(JSON.stringify(config)).not.toContain("4711");
    expect(JSON.stringify(config.explain())).not.toContain("4711");
    const error = failure(() =>
      defineConfig({ sections: [door], operator: { door: { code: "4711\n" } } }),
    );
    expect(error.message).toBe(
      "door.code: expected a string without control characters, got a value that is not shown",
    );
  });

  test("says which sections it has when one is missing, and refuses another version", () => {
    const config = defineConfig({ sections: [lamp] }) as unknown as Config<typeof door>;
    expect(failure(() => config.section(door))).toMatchObject({
      code: "KING_CONFIG_SECTION_MISSING",
      message: 'expected a config defined with the section "door", got one with "lamp"',
    });
    const next = defineSection(
      "lamp",
      { watts: integerKey({ default: 1, doc: "" }) },
      { version: 2 },
    );
    const old = defineConfig({ sections: [lamp] }) as unknown as Config<typeof next>;
    expect(failure(() => old.section(next)).code).toBe("KING_CONFIG_SECTION_VERSION");
  });

  test("serves a section of another copy of a plane, found by name", () => {
    const copy = defineSection("lamp", { watts: integerKey({ default: 1, doc: "" }) });
    const config = defineConfig({ sections: [lamp] }) as unknown as Config<typeof copy>;
    expect(config.section(copy).watts).toBe(8);
  });

  test("is refused by the compiler where it lacks a section", () => {
    const plane = (config: HasSection<typeof door> & HasSection<typeof lamp>) =>
      config.section(lamp).watts + config.section(door).width;
    expect(plane(defineConfig({ sections: [door, lamp] }))).toBe(88);
    // @ts-expect-error the section "door" is missing
    const lacking = () => plane(defineConfig({ sections: [lamp] }));
    expect(failure(lacking).code).toBe("KING_CONFIG_SECTION_MISSING");
    // @ts-expect-error there is no such key
    expect(failure(() => defineConfig({ sections: [lamp] }).get("lamp.volts"))).toMatchObject({
      message: "lamp.volts: no such setting; did you mean lamp.watts?",
    });
  });
});

test("the codes of config are in their table", () => {
  expect(configErrors.is(failure(() => defineConfig({ sections: [], operator: { a: 1 } })))).toBe(
    true,
  );
});
