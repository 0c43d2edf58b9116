import { type RecordedSpan, recordTelemetry } from "@king-runtime/testkit";
import { propagation, SpanKind, type TextMapPropagator, trace } from "@opentelemetry/api";
import { beforeEach, describe, expect, test } from "vitest";
import { createHttpClient } from "../../src/index.ts";
import { asking, carriers, type Serve, startPeer } from "./carriers.ts";

const told: Serve = (incoming, outgoing) => {
  outgoing.writeHead(incoming.url === "/404" ? 404 : 200);
  outgoing.end(String(incoming.headers["traceparent"]));
};

/** Sends the context as W3C Trace Context has it. */
const propagator: TextMapPropagator = {
  inject(context, carrier, setter) {
    const span = trace.getSpanContext(context);
    if (span === undefined) return;
    setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-01`);
  },
  extract: (context) => context,
  fields: () => ["traceparent"],
};

beforeEach(() => {
  propagation.setGlobalPropagator(propagator);
  return () => propagation.disable();
});

/** A session's streams have no attempts of a policy around them. */
const observedOnes = carriers.filter(({ by }) => by !== "session");

const ofClients = (spans: readonly RecordedSpan[]) =>
  spans.filter(({ kind }) => kind === SpanKind.CLIENT);

describe.each(observedOnes)("$name", (carrier) => {
  const { protocol, tls } = carrier;

  test("is one span and one measurement, and sends its context", async () => {
    await using telemetry = await recordTelemetry();
    await using peer = await startPeer(told, { protocol, tls });
    await using asks = await asking(carrier, peer);
    const traceparent = await telemetry.inSpan("work", async () => (await asks.ask("/a?b")).text());
    expect(traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-0[01]$/);
    await (await asks.ask("/404")).text();
    const [first, second, ...more] = ofClients(await telemetry.spans());
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      name: "GET",
      parentName: "work",
      failed: false,
      attributes: {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": peer.port,
        "url.full": `${peer.origin}/a?b`,
      },
    });
    expect(second).toMatchObject({
      failed: true,
      attributes: { "http.response.status_code": 404 },
    });
    const metrics = await telemetry.metrics();
    const duration = metrics.find(({ name }) => name === "http.client.request.duration");
    expect(duration).toMatchObject({ unit: "s", kind: "histogram" });
    expect(duration?.points.map(({ value }) => value)).toEqual([1, 1]);
  });

  test("leaves a traceparent of the caller's alone", async () => {
    await using _telemetry = await recordTelemetry();
    await using peer = await startPeer(told, { protocol, tls });
    await using asks = await asking(carrier, peer);
    const own = "00-11111111111111111111111111111111-2222222222222222-01";
    for (const name of ["traceparent", "Traceparent"]) {
      expect(await (await asks.ask("/", { headers: { [name]: own } })).text()).toBe(own);
    }
  });

  test("sends nothing of it without a provider", async () => {
    await using peer = await startPeer(told, { protocol, tls });
    await using asks = await asking(carrier, peer);
    expect(await (await asks.ask("/")).text()).toBe("undefined");
  });
});

test("each attempt of a request is a span of its own, and one that fails says how", async () => {
  await using telemetry = await recordTelemetry();
  let count = 0;
  await using peer = await startPeer((_, outgoing) => {
    outgoing.writeHead(++count === 1 ? 503 : 200).end();
  });
  await using client = createHttpClient({ retry: { baseDelayMs: 1 } });
  expect((await client.request(peer.origin)).status).toBe(200);
  const { port } = peer;
  await peer[Symbol.asyncDispose]();
  await using alone = createHttpClient();
  await expect(alone.request(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  const statuses = ofClients(await telemetry.spans()).map(({ attributes, failed }) => [
    attributes["http.response.status_code"] ?? attributes["error.type"],
    failed,
  ]);
  expect(statuses).toEqual([
    [503, true],
    [200, false],
    ["KING_NET_CONNECT", true],
  ]);
});
