// Uses the installed @king-runtime/quic without an engine beside it: what lacks is said, and how to get it.
import { equal, match, rejects } from "node:assert/strict";
import { connectQuic, openQuicEngine, quicErrors, quicSection } from "@king-runtime/quic";

equal(quicSection.name, "quic");
const remote = { address: "127.0.0.1", port: 1 };
await rejects(connectQuic({ remote, tls: { alpn: ["king"] } }), (error) => {
  equal(quicErrors.is(error, "KING_QUIC_ENGINE_MISSING"), true);
  match(String(error), /npm install @currentspace\/http3@/);
  return true;
});
await rejects(openQuicEngine({ engine: "matrix" }), /npm install @matrixai\/quic@/);
await rejects(openQuicEngine({ needs: ["speed" as "datagrams"] }), /needs: expected some of/);
