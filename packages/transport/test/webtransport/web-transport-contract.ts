import type { QuicEngine, StreamCapability } from "@king-runtime/core";
import { testSession, testStream, testStreamSession } from "@king-runtime/testkit";
import { beforeEach, describe } from "vitest";
import { capabilitiesOf, type EngineName, needEngine, openEngine } from "../http3/engines.ts";
import {
  openOwnStream,
  openSession,
  openStreamSession,
  openTheirStream,
  type Role,
} from "./web-transport-harness.ts";

/** What is left of an engine's: codes of currentspace have 32 bits, and those of WebTransport 47. */
function webTransportCapabilities(name: EngineName | "memory"): readonly StreamCapability[] {
  const own = capabilitiesOf[name].filter(
    (each) => name !== "currentspace" || each !== "reset-code",
  );
  return [...own, "datagrams"];
}

/**
 * Holds WebTransport over an engine to the contracts of streams and sessions, in both roles. Where it is not in memory, the
 * other end is on matrix: a stream that currentspace has let go of, and that its peer resets, throws where nobody listens.
 */
export function testWebTransportContracts(name: EngineName | "memory", role: Role): void {
  const capabilities = webTransportCapabilities(name);
  const peer = name === "memory" ? name : "matrix";
  const on =
    <T>(open: (engine: QuicEngine, peer: QuicEngine, role: Role) => Promise<T>) =>
    async () => {
      const engine = await openEngine(name);
      return await open(engine, peer === name ? engine : await openEngine(peer), role);
    };

  describe(`over ${name}, as ${role}`, () => {
    beforeEach(async (test) => {
      for (const each of [name, peer] as const) await needEngine(test, each);
    });
    testStream({ name: "WebTransport stream", capabilities, open: on(openOwnStream) });
    if (name === "memory") {
      const title = "WebTransport stream of the peer's";
      testStream({ name: title, capabilities, open: on(openTheirStream) });
    }
    testSession("WebTransport", on(openSession));
    testStreamSession({ name: "WebTransport", capabilities, open: on(openStreamSession) });
  });
}
