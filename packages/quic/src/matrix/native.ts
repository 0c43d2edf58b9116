import { engineModule } from "../engine-module.ts";

/** The native part of `@matrixai/quic`: quiche without sockets, timers or tasks. */
export type Native = typeof import("@matrixai/quic/native/index.js");
export type NativeConnection = ReturnType<Native["quiche"]["Connection"]["connect"]>;
export type NativeConfig = InstanceType<Native["quiche"]["Config"]>;

/** @throws {KingError} KING_QUIC_ENGINE_MISSING. */
export function loadNative(): Promise<Native> {
  return engineModule("@matrixai/quic@2.0.9", () => import("@matrixai/quic/native/index.js"));
}
