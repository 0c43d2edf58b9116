import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type MeterProvider, metrics, SpanKind, trace } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { runProcess, temporaryFolder, testTelemetry } from "../src/index.ts";

// The smallest plane that does what the suite asks for.
class Greeter {
  #provider: MeterProvider | undefined;
  #greetings: { add(value: number, attributes: Record<string, string>): void } | undefined;

  greet(name: string): string {
    return trace
      .getTracer("@king-runtime/greeter")
      .startActiveSpan("greet", { kind: SpanKind.INTERNAL, attributes: { name } }, (span) => {
        const provider = metrics.getMeterProvider();
        if (provider !== this.#provider) {
          this.#provider = provider;
          this.#greetings = provider
            .getMeter("@king-runtime/greeter")
            .createCounter("king.greeter.greetings", {
              unit: "{greeting}",
              description: "Greetings said.",
            });
        }
        this.#greetings?.add(1, { language: "en" });
        span.end();
        return `hello ${name}`;
      });
  }
}

testTelemetry({
  name: "greeter",
  open: async () => new Greeter(),
  run: async (greeter) => expect(greeter.greet("king")).toBe("hello king"),
  close: async () => {},
  spans: [
    { name: "greet", kind: SpanKind.INTERNAL, attributes: { name: "king" }, parent: "caller" },
  ],
  metrics: [
    {
      name: "king.greeter.greetings",
      unit: "{greeting}",
      kind: "counter",
      attributes: { language: "en" },
      value: 1,
    },
  ],
});

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: "passed" | "failed";
    }[];
  }[];
}

test("the suite fails for each fault it looks for, and for no other", {
  timeout: 60_000,
}, async () => {
  await using folder = await temporaryFolder();
  const config = join(import.meta.dirname, "broken/vitest.config.ts");
  const vitest = join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
  const result = await runProcess({
    command: process.execPath,
    args: [
      ...[vitest, "run", "--config", config],
      ...["--reporter=json", `--outputFile=${folder.join("report.json")}`],
    ],
    deadlineMs: 50_000,
  });
  expect(result.code, result.stderr).toBe(1);
  const report: Report = JSON.parse(await readFile(folder.join("report.json"), "utf8"));
  const failed: Record<string, string[]> = {};
  for (const { ancestorTitles, title, status } of report.testResults.flatMap(
    ({ assertionResults }) => assertionResults,
  )) {
    const [fault = ""] = ancestorTitles;
    failed[fault] ??= [];
    if (status === "failed") failed[fault].push(title.split(" ").slice(0, 2).join(" "));
  }
  const [spans, metrics, silent, late, once] = [
    "leaves the",
    "records the",
    "is silent",
    "is seen",
    "makes each",
  ];
  expect(failed).toEqual({
    none: [],
    scope: [spans, late],
    kind: [spans, late],
    attributes: [spans, late],
    parent: [spans, late],
    unit: [metrics, late],
    description: [metrics, late],
    value: [metrics],
    cached: [late],
    twice: [once],
    talks: [silent],
  });
});
