import { type ErrorDetails, KingError } from "@king-runtime/core";
import {
  type Counter,
  type Histogram,
  type MeterProvider,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";

const scope = "@king-runtime/objectstore";

/** What the store does, as the name of a span and as an attribute of the metrics. */
export type Operation = "put" | "get" | "head" | "list" | "delete";

interface Instruments {
  readonly provider: MeterProvider;
  readonly operations: Counter;
  readonly duration: Histogram;
  readonly writtenBytes: Counter;
  readonly readBytes: Counter;
}

/**
 * Spans and metrics through the OpenTelemetry API, which does nothing until the application installs a
 * provider. The metrics API has no proxy: instruments made before that stay silent for ever, so they
 * are made again when the provider is another one.
 */
export class Telemetry {
  #instruments: Instruments | undefined;
  #tracer: { readonly provider: TracerProvider; readonly tracer: Tracer } | undefined;

  start(operation: Operation, key: string | undefined, nowMs: number): OperationTelemetry {
    const provider = trace.getTracerProvider();
    if (this.#tracer?.provider !== provider)
      this.#tracer = { provider, tracer: provider.getTracer(scope) };
    const span = this.#tracer.tracer.startSpan(`objectstore.${operation}`, {
      kind: SpanKind.INTERNAL,
    });
    if (key !== undefined && span.isRecording()) span.setAttribute("king.objectstore.key", key);
    return new OperationTelemetry(operation, span, nowMs, this.#current());
  }

  #current(): Instruments {
    const provider = metrics.getMeterProvider();
    if (this.#instruments?.provider === provider) return this.#instruments;
    const meter = provider.getMeter(scope);
    this.#instruments = {
      provider,
      operations: meter.createCounter("king.objectstore.operations", {
        unit: "{operation}",
        description: "Calls of the object store, by operation and outcome.",
      }),
      duration: meter.createHistogram("king.objectstore.operation.duration", {
        unit: "s",
        description: "Time from a call to its end; for get, to the end of its body.",
      }),
      writtenBytes: meter.createCounter("king.objectstore.written", {
        unit: "By",
        description: "Bytes of objects stored.",
      }),
      readBytes: meter.createCounter("king.objectstore.read", {
        unit: "By",
        description: "Bytes of objects handed to readers.",
      }),
    };
    return this.#instruments;
  }
}

/** One call being observed. */
export class OperationTelemetry {
  readonly #operation: Operation;
  readonly #span: Span;
  readonly #startMs: number;
  readonly #instruments: Instruments;

  constructor(operation: Operation, span: Span, startMs: number, instruments: Instruments) {
    this.#operation = operation;
    this.#span = span;
    this.#startMs = startMs;
    this.#instruments = instruments;
  }

  /** @param bytes of the object that were moved. */
  succeed(nowMs: number, outcome: "ok" | "missing", bytes: number): void {
    const { readBytes, writtenBytes } = this.#instruments;
    if (this.#span.isRecording()) this.#span.setAttribute("king.objectstore.bytes", bytes);
    if (this.#operation === "put") writtenBytes.add(bytes);
    else if (bytes > 0) readBytes.add(bytes);
    this.#end(nowMs, { operation: this.#operation, outcome });
  }

  fail(nowMs: number, error: unknown): void {
    const type = errorType(error);
    if (this.#span.isRecording()) {
      this.#span.setAttribute("error.type", type);
      this.#span.setStatus({
        code: SpanStatusCode.ERROR,
        message: error instanceof Error ? error.message : String(error),
      });
    }
    this.#end(nowMs, { operation: this.#operation, outcome: "error", "error.type": type });
  }

  #end(nowMs: number, attributes: Record<string, string>): void {
    this.#instruments.operations.add(1, attributes);
    this.#instruments.duration.record((nowMs - this.#startMs) / 1_000, attributes);
    this.#span.end();
  }
}

// Few and known values only: an attribute of a metric is not to grow with what callers throw.
function errorType(error: unknown): string {
  if (KingError.is(error)) return (error as KingError<string, ErrorDetails>).code;
  return error instanceof Error && error.name === "AbortError" ? "AbortError" : "_OTHER";
}
