import type { StreamCapability } from "@king-runtime/core";
import { testSession, testStream } from "@king-runtime/testkit";
import { beforeEach, describe } from "vitest";
import { capabilitiesOf, type EngineName, needEngine, openEngine } from "./engines.ts";
import {
  openClientSession,
  openConnect,
  openExchange,
  openRequest,
  openServerSession,
} from "./http3-harness.ts";

const ofHttp: readonly StreamCapability[] = ["trailers", "informational"];

/** Holds HTTP/3 over an engine to the contracts of streams and sessions, in both roles. */
export function testHttp3Contracts(name: EngineName | "memory"): void {
  const ofEngine = capabilitiesOf[name];
  const on =
    <T>(open: (engine: Awaited<ReturnType<typeof openEngine>>) => Promise<T>) =>
    async () =>
      await open(await openEngine(name));

  describe(`over ${name}`, () => {
    beforeEach(async (test) => void (await needEngine(test, name)));
    testStream({
      name: "HTTP/3 exchange",
      capabilities: [...ofEngine, ...ofHttp],
      open: on(openExchange),
    });
    testStream({
      name: "accepted extended CONNECT",
      capabilities: ofEngine,
      open: on(openConnect),
    });
    testStream({
      name: "HTTP/3 request",
      capabilities: [...ofEngine, ...ofHttp],
      open: on(openRequest),
    });
    testSession("HTTP/3 server session", on(openServerSession));
    testSession("HTTP/3 client session", on(openClientSession));
  });
}
