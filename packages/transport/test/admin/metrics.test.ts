import { createSystem } from "@king-runtime/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptedType } from "../../src/admin/accepted-type.ts";
import { metricName, metricText } from "../../src/admin/metric-text.ts";
import { listenHttp } from "../../src/index.ts";
import { idle, openAdmin } from "./admin-harness.ts";
import { parseMetricText } from "./parse-metric-text.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);

async function openFull() {
  const system = createSystem({
    components: [
      idle('d"b\\\n', {
        gates: ["query"],
        stats: () => ({
          rowsRead: 5,
          rows_read: 6,
          größe: 7,
          "": 8,
          infinite: Number.POSITIVE_INFINITY,
          wrong: "text" as never,
        }),
      }),
      idle("web", { stats: () => ({ rowsRead: 1.5, small: 1e-9, negative: -3 }) }),
    ],
  });
  await system.start();
  system.admit("query");
  const listener = await listenHttp({ handler: (exchange) => exchange.respond(204) });
  const admin = await openAdmin({ system, listeners: { "api-1": listener } });
  return {
    ask: admin.ask,
    [Symbol.asyncDispose]: async () => {
      listener.abort();
      await admin[Symbol.asyncDispose]();
      await system.drain({ deadlineMs: 0 });
    },
  };
}

describe.each([
  ["text/plain", "text/plain; version=0.0.4; charset=utf-8", "prometheus"],
  [
    "application/openmetrics-text;version=1.0.0",
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "openmetrics",
  ],
] as const)("metrics as %s", (accept, type, format) => {
  test("are what a strict parser takes, with every number once", async () => {
    await using full = await openFull();
    const answer = await full.ask("GET /metrics", { headers: { accept } });
    expect(answer.headers).toMatchObject({ "content-type": type, vary: "accept" });
    const { samples, types } = parseMetricText(answer.text, format);
    const numberOf = (name: string, label: string, value: string) =>
      samples.find((each) => each.name === name && each.labels[label] === value)?.value;
    const db = 'd"b\\\n';
    expect(numberOf("king_component_stat_rows_read", "component", db)).toBe(5);
    expect(numberOf("king_component_stat_rows_read", "component", "web")).toBe(1.5);
    expect(numberOf("king_component_stat_rows_read_2", "component", db)).toBe(6);
    expect(numberOf("king_component_stat_gr_e", "component", db)).toBe(7);
    expect(numberOf("king_component_stat_unnamed", "component", db)).toBe(8);
    expect(numberOf("king_component_stat_infinite", "component", db)).toBe(
      Number.POSITIVE_INFINITY,
    );
    expect(numberOf("king_component_stat_small", "component", "web")).toBe(1e-9);
    expect(numberOf("king_component_stat_negative", "component", "web")).toBe(-3);
    expect(numberOf("king_component_stat_wrong", "component", db)).toBe(undefined);
    expect(numberOf("king_component_restarts_total", "component", "web")).toBe(0);
    expect(numberOf("king_gate_leases", "gate", "query")).toBe(1);
    expect(numberOf("king_gate_admitted_total", "gate", "query")).toBe(1);
    expect(numberOf("king_listener_sessions_active", "listener", "api-1")).toBe(0);
    const names = samples.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["process_cpu_seconds_total", "king_system_ready"]),
    );
    expect(types.get("king_component_stat_rows_read")).toBe(
      format === "openmetrics" ? "unknown" : "untyped",
    );
    expect(
      types.get(format === "openmetrics" ? "king_gate_admitted" : "king_gate_admitted_total"),
    ).toBe("counter");
  });

  test("are so whatever components are called and say", () => {
    const text = fc.string({ unit: "binary", maxLength: 12 });
    const families = fc.array(
      fc.record({
        name: text.map((each) => `king_${metricName(each)}`),
        help: text,
        type: fc.constantFrom("gauge", "unknown"),
        samples: fc.uniqueArray(
          fc.record({ labels: fc.record({ component: text }), value: fc.double() }),
          { selector: ({ labels }) => labels.component.toWellFormed() },
        ),
      }),
    );
    fc.assert(
      fc.property(families, (all) => {
        const { samples } = parseMetricText(metricText(all, format), format);
        const kept = new Map(
          all.filter((each) => each.samples.length > 0).map((each) => [each.name, each]),
        );
        expect(samples.length).toBeGreaterThanOrEqual(kept.size);
        for (const { name, labels, value } of samples) {
          const sources = all
            .filter((each) => each.name === name)
            .flatMap((each) => each.samples)
            .filter((each) => each.labels.component.toWellFormed() === labels["component"]);
          expect(sources.some((each) => Object.is(each.value + 0, value + 0))).toBe(true);
        }
      }),
      { numRuns },
    );
  });
});

test("the parser that metrics are held to refuses what is wrong", () => {
  for (const wrong of [
    "# HELP a b\n# TYPE a gauge\na 1",
    "a 1\n",
    "# HELP a b\n# TYPE a gauge\na 1\na 2\n",
    "# HELP a b\n# TYPE a gauge\n# HELP a b\n# TYPE a gauge\na 1\n",
    '# HELP a b\n# TYPE a gauge\na{x="\\q"} 1\n',
    '# HELP a b\n# TYPE a gauge\na{x="1",x="2"} 1\n',
    "# HELP a b\n# TYPE a gauge\na one\n",
    "# HELP a b\n# TYPE a gauge\nb 1\n",
    "# HELP a b\n# TYPE a thing\na 1\n",
    "# HELP a-b b\n# TYPE a-b gauge\na-b 1\n",
  ]) {
    expect(() => parseMetricText(wrong, "prometheus")).toThrow();
  }
  expect(() => parseMetricText("# HELP a b\n# TYPE a gauge\na 1\n", "openmetrics")).toThrow(/EOF/);
  const counter = "# HELP a b\n# TYPE a counter\na 1\n# EOF\n";
  expect(() => parseMetricText(counter, "openmetrics")).toThrow();
});

test("metrics are JSON, unless Accept prefers a text", async () => {
  await using full = await openFull();
  const typeFor = async (accept: string | undefined) => {
    const { headers } = await full.ask("GET /metrics", {
      headers: accept === undefined ? {} : { accept },
    });
    return headers["content-type"]?.split(";")[0];
  };
  const json = "application/json";
  expect(await typeFor(undefined)).toBe(json);
  expect(await typeFor("*/*")).toBe(json);
  expect(await typeFor("text/html, */*;q=0.1")).toBe(json);
  expect(await typeFor("text/*")).toBe("text/plain");
  // As Prometheus 3 asks.
  const prometheus =
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
  expect(await typeFor(prometheus)).toBe("application/openmetrics-text");
  const { json: metrics } = await full.ask("GET /metrics");
  expect(metrics.components.web).toEqual({ rowsRead: 1.5, small: 1e-9, negative: -3 });
  expect(metrics.components['d"b\\\n']).not.toHaveProperty("infinite");
});

test.each([
  [null, "a/x"],
  ["", "a/x"],
  ["b/y", "b/y"],
  ["B/Y;Q=0.5", "b/y"],
  ["a/x;q=0.4, b/y;q=0.5", "b/y"],
  ["a/*;q=0.4, */*;q=0.5", "b/y"],
  ["*/*, a/x;q=0", "b/y"],
  ["b/y;q=0", "a/x"],
  ["b/y;q=2", "a/x"],
  ["b/y;version=1;q=0.1, b/y;q=0.9, a/x;q=0.5", "b/y"],
])("Accept: %s prefers %s", (accept, expected) => {
  expect(acceptedType(accept, ["a/x", "b/y"])).toBe(expected);
});
