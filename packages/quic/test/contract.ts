import {
  type SessionHarness,
  type StreamHarness,
  type StreamSessionHarness,
  streamPeer,
  streamSessionPeer,
  testSession,
  testStream,
  testStreamSession,
} from "@king-runtime/testkit";
import { afterAll, beforeEach, describe } from "vitest";
import { type EngineName, engines, needEngines, openEngines, type Pair } from "./engines.ts";

const streamLimit = 4;

/** Holds an engine, in one role, to the three contracts, with a peer of the same or the other engine. */
export async function testContracts(
  name: EngineName,
  role: "client" | "server",
  peer: EngineName,
): Promise<void> {
  const opened = await openEngines({ maxStreams: streamLimit });
  const title = `${name} as ${role}, ${peer} as its peer`;
  const { capabilities } = engines[name];

  const connect = async () => {
    const pair: Pair = await (role === "client"
      ? opened.pair(name, peer)
      : opened.pair(peer, name));
    const [session, other] =
      role === "client" ? [pair.client, pair.server] : [pair.server, pair.client];
    return { pair, session, other };
  };

  /** A stream that the peer knows of: QUIC tells with the first byte. */
  async function openStream(): Promise<StreamHarness> {
    const { pair, session, other } = await connect();
    const stream = await session.openStream();
    await stream.write(Buffer.from("!"));
    for await (const accepted of other.streams()) {
      const driven = streamPeer(accepted);
      await driven.read();
      return {
        stream,
        peer: driven,
        already: { bytesRead: 0, bytesWritten: 1 },
        [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
      };
    }
    throw new Error("no stream came");
  }

  async function openSession(): Promise<SessionHarness> {
    const { pair, session, other } = await connect();
    const incoming = session.streams()[Symbol.asyncIterator]();
    return {
      session,
      async work() {
        const far = await other.openStream();
        await far.end(Buffer.from("work"));
        const { value: near } = await incoming.next();
        const reading = (async () => {
          for await (const _ of near);
        })();
        reading.catch(() => undefined);
        return {
          ended: near.closed,
          async finish() {
            await near.end();
            for await (const _ of far);
          },
        };
      },
      async disconnect() {
        other.abort();
      },
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  }

  async function openStreamSession(): Promise<StreamSessionHarness> {
    const { pair, session, other } = await connect();
    return {
      session,
      peer: streamSessionPeer(other),
      streamLimit,
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  }

  describe("where the engines load", () => {
    afterAll(() => opened.close());
    beforeEach((test) => needEngines(test, name, peer));
    // A stream is the same with either peer; whose it is makes a difference to currentspace only.
    if (name !== peer && (role === "client" || name === "currentspace")) {
      testStream({ name: title, capabilities, open: openStream });
    }
    if (name !== peer) testSession(title, openSession);
    testStreamSession({ name: title, capabilities, open: openStreamSession });
  });
}
