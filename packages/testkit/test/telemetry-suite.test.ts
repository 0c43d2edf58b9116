import { type MeterProvider, metrics, SpanKind, trace } from "@opentelemetry/api";
import { expect } from "vitest";
import { testTelemetry } from "../src/index.ts";

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
