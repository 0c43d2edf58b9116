import { testSession, testStream } from "@king-runtime/testkit";
import { clientPair, serverPair, sessionHarness, streamHarness } from "./tcp-harness.ts";

for (const [side, pair] of [
  ["server", serverPair],
  ["client", clientPair],
] as const) {
  for (const tls of [false, true]) {
    const name = `TCP ${side}${tls ? " over TLS" : ""}`;
    testStream({
      name,
      capabilities: ["half-close", "receive-backpressure"],
      open: streamHarness(() => pair(tls)),
    });
    testSession(
      name,
      sessionHarness(() => pair(tls)),
    );
  }
}
