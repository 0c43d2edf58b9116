import { optionError, type QuicEngine, type StreamSession } from "@king-runtime/core";
import { offerWebTransport } from "../http3/web-transport.ts";
import { resolveWebTransportLimits, type WebTransportLimitOptions } from "./limits.ts";

/**
 * An engine for `quic: { engine }` of a listener or a client, on whose connections HTTP/3 takes WebTransport: it says so
 * in its settings, takes HTTP Datagrams (RFC 9297), and brings streams to their sessions. Connections of an engine without
 * datagrams stay as they are. The limits are those of one connection.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function webTransportEngine(
  engine: QuicEngine,
  options: WebTransportLimitOptions = {},
): QuicEngine {
  if (typeof engine?.connect !== "function" || typeof engine.listen !== "function") {
    throw optionError("engine", "expected a QUIC engine");
  }
  const limits = resolveWebTransportLimits(options);
  const offering = <S extends StreamSession>(session: S): S => {
    offerWebTransport(session, limits);
    return session;
  };
  return {
    name: engine.name,
    capabilities: engine.capabilities,
    connect: async (asked) => offering(await engine.connect(asked)),
    listen: (asked) =>
      engine.listen({ ...asked, onSession: (session) => asked.onSession(offering(session)) }),
  };
}
