import type { QuicConnectOptions, QuicSession } from "@king-runtime/core";
import { type OpenQuicEngineOptions, openQuicEngine } from "./open-quic-engine.ts";

/** Options of {@link connectQuic}: where to, and with which engine. */
export interface ConnectQuicOptions extends QuicConnectOptions, OpenQuicEngineOptions {
  /** Gives the session before its handshake is complete, where a ticket allows that; see core's `QuicConnectOptions`. */
  earlyData?: boolean;
}

/**
 * Connects to a QUIC server, which is always verified. The caller closes the session.
 *
 * @throws {KingError} what {@link openQuicEngine} throws; KING_QUIC_CONNECT, KING_QUIC_TLS, KING_QUIC_TIMEOUT; the
 * reason of `signal`.
 */
export async function connectQuic(options: ConnectQuicOptions): Promise<QuicSession> {
  const { remote, tls, tickets, earlyData, signal, ...own } = options;
  const { needs = [] } = own;
  const engine = await openQuicEngine(
    earlyData === true && Array.isArray(needs) ? { ...own, needs: [...needs, "early-data"] } : own,
  );
  return await engine.connect({
    remote,
    tls,
    ...(tickets === undefined ? {} : { tickets }),
    ...(earlyData === undefined ? {} : { earlyData }),
    ...(signal === undefined ? {} : { signal }),
  });
}
