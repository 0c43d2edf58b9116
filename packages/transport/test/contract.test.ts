import { makeCertificates, testSession, testStream } from "@king-runtime/testkit";
import {
  openExtendedConnect,
  openHttp1Exchange,
  openHttp2Exchange,
  openSession,
  openUpgraded,
} from "./exchange-harness.ts";

testStream({
  name: "HTTP/1.1 exchange",
  capabilities: ["half-close", "receive-backpressure", "trailers", "informational"],
  open: openHttp1Exchange,
});
const certificates = await makeCertificates();
testStream({
  name: "HTTP/1.1 exchange over TLS",
  capabilities: ["half-close", "receive-backpressure", "trailers", "informational"],
  open: () => openHttp1Exchange({ tls: certificates.leaf }),
});
testStream({
  name: "HTTP/2 exchange",
  capabilities: [
    "half-close",
    "reset-code",
    "receive-backpressure",
    "multiplexing",
    "trailers",
    "informational",
  ],
  open: openHttp2Exchange,
});
testStream({
  name: "upgraded HTTP/1.1 connection",
  capabilities: ["half-close", "receive-backpressure"],
  open: openUpgraded,
});
testStream({
  name: "accepted extended CONNECT",
  capabilities: ["half-close", "reset-code", "receive-backpressure", "multiplexing"],
  open: openExtendedConnect,
});

testSession("HTTP/1.1 server session", () => openSession("h1"));
testSession("HTTP/2 server session", () => openSession("h2"));
