import { testSession, testStream } from "@king-runtime/testkit";
import { openClientStream, openSessionHarness } from "./client-harness.ts";

const shared = ["half-close", "receive-backpressure", "trailers", "informational"] as const;

for (const tls of [false, true]) {
  const over = tls ? " over TLS" : "";
  testStream({
    name: `HTTP/1.1 request${over}`,
    capabilities: shared,
    open: () => openClientStream("h1", tls),
  });
  testStream({
    name: `HTTP/2 request${over}`,
    capabilities: [...shared, "reset-code", "multiplexing"],
    open: () => openClientStream("h2", tls),
  });
  testSession(`HTTP/1.1 client session${over}`, () => openSessionHarness("h1", tls));
  testSession(`HTTP/2 client session${over}`, () => openSessionHarness("h2", tls));
}
