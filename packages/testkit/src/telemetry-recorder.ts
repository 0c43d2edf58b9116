import {
  type Attributes,
  context,
  DiagLogLevel,
  diag,
  metrics,
  type SpanKind,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  DataPointType,
  MeterProvider,
  type MetricData,
  MetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";

/** One finished span. */
export interface RecordedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  /** Name of the parent; `undefined` for a root, or a parent that is not finished or not ours. */
  readonly parentName: string | undefined;
  readonly failed: boolean;
  /** Name and version the tracer was got with. */
  readonly scope: { readonly name: string; readonly version?: string | undefined };
}

/** One metric with every combination of attributes it was recorded with. */
export interface RecordedMetric {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly kind: "counter" | "upDownCounter" | "histogram" | "gauge";
  readonly points: readonly {
    readonly attributes: Attributes;
    /** The sum or last value; of a histogram how many values it took. */
    readonly value: number;
  }[];
}

/** OpenTelemetry providers that are installed for the whole process until disposed. */
export interface TelemetryRecorder extends AsyncDisposable {
  spans(): Promise<readonly RecordedSpan[]>;
  metrics(): Promise<readonly RecordedMetric[]>;
  /** Runs `work` inside a span named `name`, which is among `spans()` afterwards. */
  inSpan<T>(name: string, work: () => Promise<T>): Promise<T>;
}

class ReaderOnDemand extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Takes whatever providers are installed out, so that the API is a no-op again. */
export function uninstallTelemetry(): void {
  trace.disable();
  metrics.disable();
  context.disable();
  diag.disable();
}

/** Installs genuine SDK providers that keep everything in memory. One at a time in a process. */
export function recordTelemetry(): TelemetryRecorder {
  const exporter = new InMemorySpanExporter();
  const processor = new SimpleSpanProcessor({ exporter });
  const tracerProvider = new TracerProvider({ spanProcessors: [processor] });
  const reader = new ReaderOnDemand();
  const meterProvider = new MeterProvider({ readers: [reader] });
  const contexts = new AsyncLocalStorageContextManager().enable();
  if (
    !trace.setGlobalTracerProvider(tracerProvider) ||
    !metrics.setGlobalMeterProvider(meterProvider) ||
    !context.setGlobalContextManager(contexts)
  ) {
    uninstallTelemetry();
    throw new Error("another OpenTelemetry provider was installed; both are out now");
  }
  return {
    async spans() {
      await tracerProvider.forceFlush();
      const finished = exporter.getFinishedSpans();
      return finished.map((span) => recorded(span, finished));
    },
    async metrics() {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) throw new AggregateError(errors, "metrics could not be collected");
      return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics.map(recordedMetric));
    },
    inSpan(name, work) {
      return trace.getTracer("test").startActiveSpan(name, async (span) => {
        try {
          return await work();
        } finally {
          span.end();
        }
      });
    },
    async [Symbol.asyncDispose]() {
      uninstallTelemetry();
      await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
    },
  };
}

/** Records what OpenTelemetry itself complains about, such as an instrument made twice. */
export function recordTelemetryComplaints(record: (message: string) => void): void {
  const say = (message: string) => record(message);
  diag.setLogger(
    { error: say, warn: say, info() {}, debug() {}, verbose() {} },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

function recorded(span: ReadableSpan, all: readonly ReadableSpan[]): RecordedSpan {
  const parentId = span.parentSpanContext?.spanId;
  const scope = span.instrumentationScope;
  return {
    name: span.name,
    kind: span.kind,
    attributes: span.attributes,
    parentName: all.find((other) => other.spanContext().spanId === parentId)?.name,
    failed: span.status.code === 2,
    scope: { name: scope.name, version: scope.version },
  };
}

function recordedMetric(metric: MetricData): RecordedMetric {
  const { name, unit, description } = metric.descriptor;
  const kind =
    metric.dataPointType === DataPointType.SUM
      ? metric.isMonotonic
        ? "counter"
        : "upDownCounter"
      : metric.dataPointType === DataPointType.GAUGE
        ? "gauge"
        : "histogram";
  const points = (
    metric.dataPoints as readonly {
      attributes: Attributes;
      value: number | { count: number };
    }[]
  ).map(({ attributes, value }) => ({
    attributes,
    value: typeof value === "number" ? value : value.count,
  }));
  return { name, unit, description, kind, points };
}
