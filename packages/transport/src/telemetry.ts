import {
  context,
  createNoopMeter,
  type Histogram,
  type Meter,
  metrics,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type UpDownCounter,
} from "@opentelemetry/api";
import type { HttpExchange } from "./http-exchange.ts";

export const scope = "@king-runtime/transport";
const noTracing = new ProxyTracerProvider().getDelegate();
const noMeter = createNoopMeter();

interface Instruments {
  readonly duration: Histogram;
  readonly active: UpDownCounter;
}

/**
 * Spans and metrics of served requests, named by the OpenTelemetry semantic conventions for HTTP.
 * Without a provider a request costs two comparisons.
 */
export class ServerTelemetry {
  #meterProvider: unknown;
  #instruments: Instruments | undefined;

  /** Whether anybody wants to know of requests. */
  observes(): boolean {
    return this.#current() !== undefined || tracingEnabled();
  }

  /** Runs `serve` inside the request's span; both end with the exchange. */
  observe(exchange: HttpExchange, serve: () => void): void {
    const instruments = this.#current();
    const tracing = tracingEnabled();
    const { method, scheme, session } = exchange;
    const known = knownMethods.has(method) ? method : "_OTHER";
    const attributes = {
      "http.request.method": known,
      "url.scheme": scheme,
      "network.protocol.version": session.protocol === "h2" ? "2" : "1.1",
    };
    const since = performance.now();
    instruments?.active.add(1, { "http.request.method": known, "url.scheme": scheme });
    let span: Span | undefined;
    let active = context.active();
    if (tracing) {
      const parent = propagation.extract(ROOT_CONTEXT, exchange.headers, {
        get: (headers, name) => headers.get(name),
        keys: (headers) => [...headers].map(([name]) => name),
      });
      const details = {
        ...attributes,
        "url.path": exchange.path,
        ...serverAddress(exchange.authority),
        ...(session.remote === undefined ? {} : { "client.address": session.remote.address }),
      };
      const options = { kind: SpanKind.SERVER, attributes: details };
      span = trace.getTracer(scope).startSpan(known, options, parent);
      active = trace.setSpan(parent, span);
    }
    exchange.closed.then(({ clean, error }) => {
      const { status } = exchange;
      const outcome = {
        ...attributes,
        ...(status === undefined ? {} : { "http.response.status_code": status }),
        ...(clean ? {} : { "error.type": errorType(error) }),
      };
      instruments?.active.add(-1, { "http.request.method": known, "url.scheme": scheme });
      instruments?.duration.record((performance.now() - since) / 1_000, outcome);
      if (status !== undefined) span?.setAttribute("http.response.status_code", status);
      if (!clean || (status ?? 0) >= 500) {
        span?.setAttribute("error.type", clean ? String(status) : errorType(error));
        span?.setStatus({ code: SpanStatusCode.ERROR });
      }
      span?.end();
    });
    context.with(active, serve);
  }

  /** The instruments of the provider installed now; the API has no meter that follows a change. */
  #current(): Instruments | undefined {
    const provider = metrics.getMeterProvider();
    if (provider === this.#meterProvider) return this.#instruments;
    this.#meterProvider = provider;
    const meter = provider.getMeter(scope);
    this.#instruments = meter === noMeter ? undefined : createInstruments(meter);
    return this.#instruments;
  }
}

function createInstruments(meter: Meter): Instruments {
  return {
    duration: meter.createHistogram("http.server.request.duration", {
      unit: "s",
      description: "Duration of HTTP server requests.",
      advice: {
        explicitBucketBoundaries: [
          0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
        ],
      },
    }),
    active: meter.createUpDownCounter("http.server.active_requests", {
      unit: "{request}",
      description: "HTTP server requests under way.",
    }),
  };
}

/** Whether an application installed a tracer provider. */
export function tracingEnabled(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== noTracing;
}

// Others are one value, so that a hostile client cannot make a series a request.
const knownMethods = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "QUERY",
  "TRACE",
]);

const errorType = (error: Error | undefined) =>
  (error as { code?: string } | undefined)?.code ?? error?.name ?? "aborted";

function serverAddress(authority: string): Record<string, string | number> {
  const [, address, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(authority) ?? [];
  if (!address) return {};
  return {
    "server.address": address,
    ...(port === undefined ? {} : { "server.port": Number(port) }),
  };
}
