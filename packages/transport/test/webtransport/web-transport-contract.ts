import type { StreamCapability } from "@king-runtime/core";
import { testSession, testStream, testStreamSession } from "@king-runtime/testkit";
import { beforeEach, describe } from "vitest";
import { capabilitiesOf, type EngineName, needEngine, openEngine } from "../http3/engines.ts";
import {
  openOwnStream,
  openSession,
  openStreamSession,
  type Role,
} from "./web-transport-harness.ts";

/** What is left of an engine's: of 62 bits, its codes have 32, and those of WebTransport 47. */
export function webTransportCapabilities(name: EngineName | "memory"): readonly StreamCapability[] {
  const own = capabilitiesOf[name].filter((each) => name === "memory" || each !== "reset-code");
  return [...own, "datagrams"];
}

/** Holds WebTransport over an engine to the contracts of streams and sessions, in both roles. */
export function testWebTransportContracts(name: EngineName | "memory", role: Role): void {
  const capabilities = webTransportCapabilities(name);
  describe(`over ${name}, as ${role}`, () => {
    beforeEach(async (test) => void (await needEngine(test, name)));
    testStream({
      name: "WebTransport stream",
      capabilities,
      open: async () => await openOwnStream(await openEngine(name), role),
    });
    testSession("WebTransport", async () => await openSession(await openEngine(name), role));
    testStreamSession({
      name: "WebTransport",
      capabilities,
      open: async () => await openStreamSession(await openEngine(name), role),
    });
  });
}
