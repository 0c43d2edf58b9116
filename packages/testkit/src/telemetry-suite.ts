import { type Attributes, type SpanKind, trace } from "@opentelemetry/api";
import { afterEach, describe, expect, test } from "vitest";
import {
  type RecordedMetric,
  type RecordedSpan,
  recordTelemetry,
  recordTelemetryComplaints,
  uninstallTelemetry,
} from "./telemetry-recorder.ts";

/** A span that one run of the operation must leave. */
export interface ExpectedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  /** Attributes it has among others. */
  readonly attributes?: Attributes;
  /** Name of its parent: another expected span, or `"caller"`, in which the operation is run. */
  readonly parent?: string;
}

/** A metric that one run of the operation must record. */
export interface ExpectedMetric {
  readonly name: string;
  /** In UCUM notation, such as `"s"`, `"By"` or `"{message}"`. */
  readonly unit: string;
  readonly kind: RecordedMetric["kind"];
  /** Attributes one of its points has among others. */
  readonly attributes?: Attributes;
  /** The sum or last value of that point, or of a histogram how many values it took. */
  readonly value?: number;
}

/** What {@link testTelemetry} runs. */
export interface TelemetrySubject<Plane> {
  /** The plane's name; its tracer and meter are named `@king-runtime/<name>`. */
  readonly name: string;
  /** What the tests are listed under. @default "telemetry of <name>" */
  readonly title?: string;
  /** Opens the plane; called once for each test. */
  open(): Promise<Plane>;
  /** One operation, to its end; `expect` inside proves that it succeeded. May be run twice. */
  run(plane: Plane): Promise<void>;
  close(plane: Plane): Promise<void>;
  /** What `run` leaves. */
  readonly spans: readonly ExpectedSpan[];
  readonly metrics: readonly ExpectedMetric[];
}

/**
 * Proves with genuine OpenTelemetry providers that a plane leaves the spans and metrics it
 * documents, that it is silent and works without a provider, and that a provider may come late.
 */
export function testTelemetry<Plane>(subject: TelemetrySubject<Plane>): void {
  const scopeName = `@king-runtime/${subject.name}`;

  async function opened(work: (plane: Plane) => Promise<void>): Promise<void> {
    const plane = await subject.open();
    try {
      await work(plane);
    } finally {
      await subject.close(plane);
    }
  }

  describe(subject.title ?? `telemetry of ${subject.name}`, () => {
    afterEach(uninstallTelemetry);

    test("leaves the documented spans, with their kind, attributes and parent", async () => {
      await using telemetry = recordTelemetry();
      await opened((plane) => telemetry.inSpan("caller", () => subject.run(plane)));
      const spans = await telemetry.spans();
      for (const expected of subject.spans) expectSpan(spans, expected, scopeName);
    });

    test("records the documented metrics, with their kind and unit", async () => {
      await using telemetry = recordTelemetry();
      await opened(async (plane) => {
        await subject.run(plane);
        const metrics = await telemetry.metrics();
        for (const expected of subject.metrics) expectMetric(metrics, expected);
      });
    });

    test("is silent and works without a provider", async () => {
      uninstallTelemetry();
      const said: string[] = [];
      recordTelemetryComplaints((message) => said.push(message));
      using _consoles = listenToConsole((message) => said.push(message));
      await opened((plane) => subject.run(plane));
      expect(said).toEqual([]);
      expect(trace.getActiveSpan()).toBeUndefined();
    });

    test("is seen by providers installed after it was opened and used", async () => {
      uninstallTelemetry();
      await opened(async (plane) => {
        await subject.run(plane);
        await using telemetry = recordTelemetry();
        await telemetry.inSpan("caller", () => subject.run(plane));
        const spans = await telemetry.spans();
        for (const expected of subject.spans) expectSpan(spans, expected, scopeName);
        const metrics = await telemetry.metrics();
        for (const { value: _, ...expected } of subject.metrics) expectMetric(metrics, expected);
      });
    });

    test("makes each instrument once, whatever is run how often", async () => {
      await using telemetry = recordTelemetry();
      const said: string[] = [];
      recordTelemetryComplaints((message) => said.push(message));
      await opened(async (plane) => {
        await subject.run(plane);
        await subject.run(plane);
        const names = (await telemetry.metrics()).map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
      });
      expect(said).toEqual([]);
    });
  });
}

function expectSpan(
  spans: readonly RecordedSpan[],
  expected: ExpectedSpan,
  scopeName: string,
): void {
  const named = spans.filter(({ name }) => name === expected.name);
  expect(named, `spans: ${spans.map(({ name }) => name).join(", ")}`).not.toHaveLength(0);
  expect(named).toContainEqual(
    expect.objectContaining({
      kind: expected.kind,
      attributes: expect.objectContaining(expected.attributes ?? {}),
      scope: expect.objectContaining({ name: scopeName }),
      ...(expected.parent !== undefined && { parentName: expected.parent }),
    }),
  );
}

function expectMetric(metrics: readonly RecordedMetric[], expected: ExpectedMetric): void {
  const metric = metrics.find(({ name }) => name === expected.name);
  expect(metric, `metrics: ${metrics.map(({ name }) => name).join(", ")}`).toBeDefined();
  expect(metric).toMatchObject({ unit: expected.unit, kind: expected.kind });
  expect(metric?.description).not.toBe("");
  expect(metric?.points).toContainEqual({
    attributes: expect.objectContaining(expected.attributes ?? {}),
    value: expected.value ?? expect.any(Number),
  });
}

const consoleMethods = ["debug", "error", "info", "log", "warn"] as const;

function listenToConsole(said: (message: string) => void): Disposable {
  const before = consoleMethods.map((method) => console[method]);
  for (const method of consoleMethods) {
    console[method] = (...values: unknown[]) => said(`console.${method}: ${values.join(" ")}`);
  }
  const onWarning = (warning: Error) => said(`warning: ${warning.message}`);
  process.on("warning", onWarning);
  return {
    [Symbol.dispose]() {
      for (const [index, method] of consoleMethods.entries())
        console[method] = before[index] as (typeof console)[typeof method];
      process.off("warning", onWarning);
    },
  };
}
