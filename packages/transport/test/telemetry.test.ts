import { recordDiagnostics, testTelemetry } from "@king-runtime/testkit";
import { SpanKind } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { listenHttp, request } from "../src/index.ts";

testTelemetry({
  name: "transport",
  open: () =>
    listenHttp({
      handler: (exchange) => exchange.respond(exchange.path === "/fails" ? 500 : 200, {}, "ok"),
    }),
  async run(listener) {
    const response = await request(`http://127.0.0.1:${listener.local.port}/path`);
    expect(await response.text()).toBe("ok");
    // The server's side ends a moment after the client has read the response.
    const [session] = listener.sessions();
    await session?.close();
  },
  close: (listener) => listener.close(),
  spans: [
    {
      name: "GET",
      kind: SpanKind.CLIENT,
      parent: "caller",
      attributes: { "http.request.method": "GET", "http.response.status_code": 200 },
    },
    {
      name: "GET",
      kind: SpanKind.SERVER,
      attributes: {
        "http.request.method": "GET",
        "url.path": "/path",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
      },
    },
  ],
  metrics: [
    {
      name: "http.server.request.duration",
      unit: "s",
      kind: "histogram",
      attributes: { "http.request.method": "GET", "http.response.status_code": 200 },
    },
    { name: "http.server.active_requests", unit: "{request}", kind: "upDownCounter", value: 0 },
    { name: "http.client.request.duration", unit: "s", kind: "histogram" },
  ],
});

test("tells each request on the channel king:transport:request", async () => {
  using told = recordDiagnostics("king:transport:request");
  await using listener = await listenHttp({ handler: (exchange) => exchange.respond(204) });
  await fetch(`http://127.0.0.1:${listener.local.port}/told`);
  expect(told.values).toMatchObject([{ exchange: { path: "/told" } }]);
});
