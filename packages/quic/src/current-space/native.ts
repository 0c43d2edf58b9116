import type { QuicClientSession, QuicServerSession, QuicStream } from "@currentspace/http3";
import { engineMissing } from "../engine-missing.ts";

export type Native = typeof import("@currentspace/http3");

/** What we use of a stream beyond its types: received bytes come by this call, the end as `null`. */
export type NativeStream = QuicStream & { _pushData(chunk: Uint8Array | null): void };

/** What we use of a session beyond its types: the way to streams by their number. */
export type NativeSession = (QuicClientSession | QuicServerSession) & {
  _getOrCreateStream(id: number): NativeStream;
};

const name = "@currentspace/http3@0.9.0";

/**
 * Loads the engine, and looks whether it has what we use of its inside: node's Duplex would lose bytes
 * that come right before the end of a connection, and the engine has no other way to unidirectional
 * streams.
 *
 * @throws {KingError} KING_QUIC_ENGINE_MISSING.
 */
export async function loadNative(): Promise<Native> {
  try {
    const native = await import("@currentspace/http3");
    const inside = [
      [native.QuicStream, "_pushData"],
      [native.QuicServerSession, "_getOrCreateStream"],
      [native.QuicClientSession, "_getOrCreateStream"],
    ] as const;
    for (const [type, member] of inside) {
      if (typeof Reflect.get(type?.prototype ?? {}, member) !== "function") {
        throw new Error(`expected ${name}, got one without ${member}`);
      }
    }
    return native;
  } catch (cause) {
    throw engineMissing(name, cause);
  }
}
