import type { HeaderFields } from "@king-runtime/core";
import {
  context,
  createNoopMeter,
  type Histogram,
  metrics,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { scope, tracingEnabled } from "../telemetry.ts";
import type { IncomingResponse } from "./incoming-response.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import type { Send } from "./send.ts";

const noMeter = createNoopMeter();
let known: { readonly provider: unknown; readonly duration: Histogram | undefined } | undefined;

/** The instrument of the provider installed now, if one is. */
function durationNow(): Histogram | undefined {
  const provider = metrics.getMeterProvider();
  if (known?.provider === provider) return known.duration;
  const meter = provider.getMeter(scope);
  const duration =
    meter === noMeter
      ? undefined
      : meter.createHistogram("http.client.request.duration", {
          unit: "s",
          description: "Duration of HTTP client requests, until the response's head.",
        });
  known = { provider, duration };
  return duration;
}

/**
 * Runs one request inside a client span, and sends the span's context with it; a `traceparent` of the caller's own
 * is left alone. Costs two comparisons when nobody wants to know.
 */
export function observed(send: Send): Send {
  return (request) => {
    const duration = durationNow();
    const tracing = tracingEnabled();
    return duration === undefined && !tracing ? send(request) : observe(request, send, duration);
  };
}

async function observe(
  request: PreparedRequest,
  send: Send,
  duration: Histogram | undefined,
): Promise<IncomingResponse> {
  const since = performance.now();
  const { method, origin, url } = request;
  const attributes = {
    "http.request.method": method,
    "server.address": origin.host,
    ...(url.port === "" ? {} : { "server.port": origin.port }),
  };
  const span = tracingEnabled()
    ? trace.getTracer(scope).startSpan(method, {
        kind: SpanKind.CLIENT,
        attributes: { ...attributes, "url.full": url.href },
      })
    : undefined;
  const active = span === undefined ? context.active() : trace.setSpan(context.active(), span);
  const finish = (outcome: Record<string, string | number>, failed: boolean) => {
    duration?.record((performance.now() - since) / 1_000, { ...attributes, ...outcome });
    span?.setAttributes(outcome);
    if (failed) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  };
  try {
    const headers = withContext(request.headers, active);
    const response = await send({ ...request, headers });
    finish({ "http.response.status_code": response.status }, response.status >= 400);
    return response;
  } catch (error) {
    const type = (error as { code?: unknown }).code ?? (error as Error)?.name ?? "error";
    finish({ "error.type": String(type) }, true);
    throw error;
  }
}

function withContext(
  headers: HeaderFields,
  active: ReturnType<typeof context.active>,
): HeaderFields {
  const carrier: Record<string, string | readonly string[]> = { ...headers };
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  propagation.inject(active, carrier, {
    set(fields, name, value) {
      if (!names.has(name.toLowerCase())) fields[name] = value;
    },
  });
  return carrier;
}
