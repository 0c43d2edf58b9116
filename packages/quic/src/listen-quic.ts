import type { Listener, QuicListenOptions } from "@king-runtime/core";
import { type OpenQuicEngineOptions, openQuicEngine } from "./open-quic-engine.ts";

/** Options of {@link listenQuic}: where, for whom, and with which engine. */
export interface ListenQuicOptions extends Omit<QuicListenOptions, "local">, OpenQuicEngineOptions {
  /** @default "127.0.0.1" */
  host?: string;
  /** @default 0: one that is free */
  port?: number;
}

/**
 * Accepts QUIC connections. The caller closes the listener, which ends the sessions that came by it.
 *
 * @throws {KingError} what {@link openQuicEngine} throws; KING_QUIC_LISTEN, KING_QUIC_UNPATCHED.
 */
export async function listenQuic(options: ListenQuicOptions): Promise<Listener> {
  const { host = "127.0.0.1", port = 0, tls, onSession, ...own } = options;
  const engine = await openQuicEngine(own);
  return await engine.listen({ local: { address: host, port }, tls, onSession });
}
