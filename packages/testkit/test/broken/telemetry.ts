// Planes that each break one promise of telemetry, and the suite that has to notice.
import {
  type Attributes,
  type Counter,
  type MeterProvider,
  metrics,
  SpanKind,
  trace,
} from "@opentelemetry/api";
import { testTelemetry } from "../../src/index.ts";

interface Faults {
  readonly scope?: string;
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  readonly root?: boolean;
  readonly unit?: string;
  readonly description?: string;
  readonly increment?: number;
  readonly cached?: boolean;
  readonly twice?: boolean;
  readonly talks?: boolean;
}

class Plane {
  readonly #faults: Faults;
  #provider: MeterProvider | undefined;
  #counter: Counter | undefined;

  constructor(faults: Faults) {
    this.#faults = faults;
    if (faults.cached) this.#instrument();
  }

  #instrument(): void {
    const { unit = "{run}", description = "Runs.", twice } = this.#faults;
    const name = "king.broken.runs";
    this.#provider = metrics.getMeterProvider();
    const meter = this.#provider.getMeter("@king-runtime/broken");
    this.#counter = meter.createCounter(name, { unit, description });
    if (twice) meter.createCounter(name, { unit: "1", description });
  }

  run(): void {
    const { attributes = { size: 1 }, kind = SpanKind.INTERNAL, root = false } = this.#faults;
    if (this.#faults.talks) console.info("running");
    trace
      .getTracer(this.#faults.scope ?? "@king-runtime/broken")
      .startSpan("run", { kind, attributes, root })
      .end();
    const isNew = metrics.getMeterProvider() !== this.#provider;
    if (isNew && !this.#faults.cached) this.#instrument();
    this.#counter?.add(this.#faults.increment ?? 1, { kind: "x" });
  }
}

const faults: Readonly<Record<string, Faults>> = {
  none: {},
  scope: { scope: "@king-runtime/other" },
  kind: { kind: SpanKind.CLIENT },
  attributes: { attributes: { size: 2 } },
  parent: { root: true },
  unit: { unit: "1" },
  description: { description: "" },
  value: { increment: 2 },
  cached: { cached: true },
  twice: { twice: true },
  talks: { talks: true },
};

for (const [name, each] of Object.entries(faults)) {
  testTelemetry({
    name: "broken",
    title: name,
    open: async () => new Plane(each),
    run: async (plane) => plane.run(),
    close: async () => {},
    spans: [{ name: "run", kind: SpanKind.INTERNAL, attributes: { size: 1 }, parent: "caller" }],
    metrics: [
      {
        name: "king.broken.runs",
        unit: "{run}",
        kind: "counter",
        attributes: { kind: "x" },
        value: 1,
      },
    ],
  });
}
