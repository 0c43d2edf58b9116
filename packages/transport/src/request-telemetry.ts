import type { HeaderFields, ReceivedResponse } from "@king-runtime/core";
import { context, metrics, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { scope, tracingEnabled } from "./telemetry.ts";

/**
 * Runs one request inside a client span, and hands it the headers with the span's context added;
 * a `traceparent` of the caller's own is left alone.
 */
export async function observeRequest(
  method: string,
  url: URL,
  headers: HeaderFields = {},
  send: (headers: HeaderFields) => Promise<ReceivedResponse>,
): Promise<ReceivedResponse> {
  const duration = metrics.getMeter(scope).createHistogram("http.client.request.duration", {
    unit: "s",
    description: "Duration of HTTP client requests, until the response's head.",
  });
  const since = performance.now();
  const attributes = {
    "http.request.method": method,
    "server.address": url.hostname,
    ...(url.port === "" ? {} : { "server.port": Number(url.port) }),
  };
  const span = tracingEnabled()
    ? trace.getTracer(scope).startSpan(method, {
        kind: SpanKind.CLIENT,
        attributes: { ...attributes, "url.full": url.href },
      })
    : undefined;
  const active = span === undefined ? context.active() : trace.setSpan(context.active(), span);
  const carrier: Record<string, string | readonly string[]> = { ...headers };
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  propagation.inject(active, carrier, {
    set(fields, name, value) {
      if (!names.has(name.toLowerCase())) fields[name] = value;
    },
  });
  const finish = (outcome: Record<string, string | number>, failed: boolean) => {
    duration.record((performance.now() - since) / 1_000, { ...attributes, ...outcome });
    span?.setAttributes(outcome);
    if (failed) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  };
  try {
    const response = await send(carrier);
    finish({ "http.response.status_code": response.status }, response.status >= 400);
    return response;
  } catch (error) {
    const type = (error as { code?: unknown }).code ?? (error as Error)?.name ?? "error";
    finish({ "error.type": String(type) }, true);
    throw error;
  }
}
