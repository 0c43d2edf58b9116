import { createKing, defineConfig, defineSection, integerKey } from "king-runtime";
import { expect, test } from "vitest";

const section = defineSection("kettle", { cups: integerKey({ default: 4, doc: "Cups." }) });

test("hands one config to every component, and is a system", async () => {
  const seen: number[] = [];
  const config = defineConfig({ sections: [section], overrides: { kettle: { cups: 2 } } });
  const king = createKing(config, {
    components: (config) => [
      {
        name: "boiler",
        start: () => void seen.push(config.section(section).cups),
        stop: () => undefined,
      },
    ],
  });
  expect(king.config).toBe(config);
  const stop = new AbortController();
  const report = await king.run({ stop: stop.signal, onReady: () => stop.abort() });
  expect(report.clean).toBe(true);
  expect(seen).toEqual([2]);
  expect(king.state).toBe("stopped");
});

test("refuses components that cannot form a system (KING_SYSTEM_INVALID)", () => {
  const config = defineConfig({ sections: [] });
  const part = { name: "a", start: () => undefined, stop: () => undefined };
  expect(() => createKing(config, { components: () => [part, part] })).toThrow(
    expect.objectContaining({ code: "KING_SYSTEM_INVALID" }),
  );
});
