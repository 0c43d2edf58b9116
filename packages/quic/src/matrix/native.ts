import { engineMissing } from "../engine-missing.ts";

/** The native part of `@matrixai/quic`: quiche without sockets, timers or tasks. */
export type Native = typeof import("@matrixai/quic/native/index.js");
export type NativeConnection = ReturnType<Native["quiche"]["Connection"]["connect"]>;
export type NativeConfig = InstanceType<Native["quiche"]["Config"]>;

/** Methods of a connection that are called here; another version may have lost one. */
const inside = [
  "dgramSend",
  "migrate",
  "newSourceCid",
  "pathEventNext",
  "probePath",
  "recv",
  "send",
  "session",
  "setSession",
  "streamRecv",
  "streamSend",
  "streamShutdown",
] as const;

const name = "@matrixai/quic@2.0.9";

/**
 * Loads the engine, and looks whether it has what is called of it.
 *
 * @throws {KingError} KING_QUIC_ENGINE_MISSING.
 */
export async function loadNative(): Promise<Native> {
  try {
    const native = await import("@matrixai/quic/native/index.js");
    const { prototype } = native.quiche.Connection as unknown as { prototype: object };
    for (const member of inside) {
      if (typeof Reflect.get(prototype, member) !== "function") {
        throw new Error(`expected ${name}, got one without ${member}`);
      }
    }
    return native;
  } catch (cause) {
    throw engineMissing(name, cause);
  }
}
