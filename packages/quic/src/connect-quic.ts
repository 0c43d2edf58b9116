import type { QuicConnectOptions, QuicSession } from "@king-runtime/core";
import { type OpenQuicEngineOptions, openQuicEngine } from "./open-quic-engine.ts";

/** Options of {@link connectQuic}: where to, and with which engine. */
export interface ConnectQuicOptions extends QuicConnectOptions, OpenQuicEngineOptions {}

/**
 * Connects to a QUIC server, which is always verified. The caller closes the session.
 *
 * @throws {KingError} what {@link openQuicEngine} throws; KING_QUIC_CONNECT, KING_QUIC_TLS, KING_QUIC_TIMEOUT; the
 * reason of `signal`.
 */
export async function connectQuic(options: ConnectQuicOptions): Promise<QuicSession> {
  const { remote, tls, tickets, signal, ...own } = options;
  const engine = await openQuicEngine(own);
  return await engine.connect({
    remote,
    tls,
    ...(tickets === undefined ? {} : { tickets }),
    ...(signal === undefined ? {} : { signal }),
  });
}
