import { openMatrixEngine } from "@king-runtime/quic";
import { eventually } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { listenHttp, openHttpSession } from "../../src/index.ts";
import { needEngine } from "./engines.ts";
import { certificates } from "./http3-harness.ts";

const secret = "a secret that all listeners share";

/** Visits listeners one after the other, with the ticket of the one before: whether each resumed. */
async function visit(...secrets: readonly (string | undefined)[]): Promise<boolean[]> {
  const { ca, leaf } = await certificates();
  const client = await openMatrixEngine();
  const resumed: boolean[] = [];
  let ticket: Uint8Array | undefined;
  for (const ticketSecret of secrets) {
    const options = ticketSecret === undefined ? {} : { ticketSecret };
    const listener = await listenHttp({
      tls: leaf,
      quic: { engine: await openMatrixEngine(options) },
      handler: (exchange) => exchange.respond(200, {}, "ok"),
    });
    let given: Uint8Array | undefined;
    const session = await openHttpSession(`https://localhost:${listener.local.port}`, {
      tls: { ca },
      protocols: ["h3"],
      quic: { engine: client },
      resolver: { resolve: async (_host, family) => (family === 4 ? ["127.0.0.1"] : []) },
      tickets: {
        take: () => ticket,
        put: (_origin, bytes) => {
          given = bytes;
        },
      },
    });
    const { response } = await session.request();
    expect(await (await response).text()).toBe("ok");
    resumed.push(session.tls?.resumed === true);
    ticket = await eventually("a ticket", () => given);
    await session.close();
    await listener.close();
  }
  return resumed;
}

test("listeners of HTTP/3 resume each other's sessions, by engines that share a secret alone", async (context) => {
  await needEngine(context, "matrix");
  expect(await visit(secret, secret, secret)).toEqual([false, true, true]);
  expect(await visit(secret, `${secret}!`)).toEqual([false, false]);
  expect(await visit(undefined, undefined)).toEqual([false, false]);
});
