import { watchResources, withDeadline } from "@king-runtime/testkit";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  certificates,
  type EngineName,
  engineNames,
  engines,
  needEngines,
  openEngines,
  tls,
} from "./engines.ts";

const idleTimeoutMs = 100;
const usual = await openEngines({});
const impatient = await openEngines({ idleTimeoutMs });

afterAll(async () => {
  await usual.close();
  await impatient.close();
});

const bytes = (text: string) => Buffer.from(text);

async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of source) text += Buffer.from(chunk).toString();
  return text;
}

describe.each(engineNames)("%s", (name: EngineName) => {
  const peer = engineNames.find((each) => each !== name) as EngineName;

  beforeEach((context) => needEngines(context, name, peer));

  test("ends by the network when the peer falls silent, idle or not", async () => {
    const fallSilent = async (busy: boolean) => {
      await using pair = await impatient.pair(name, peer);
      if (busy) await (await pair.client.openStream()).write(bytes("waiting"));
      const closed = await withDeadline(pair.client.closed, "the end");
      expect(closed).toMatchObject({
        by: "network",
        clean: false,
        streamsAborted: busy ? 1 : 0,
        error: { code: "KING_QUIC_IDLE" },
      });
    };
    await Promise.all([fallSilent(false), fallSilent(true)]);
  });

  test("gives what came whole before the peer's end, also afterwards", async () => {
    await using pair = await usual.pair(peer, name);
    const { client, server } = pair;
    const stream = await client.openStream({ direction: "send" });
    await stream.end(bytes("the last words"));
    const long = await client.openStream({ direction: "send" });
    await long.end(new Uint8Array(300_000));
    await client.close({ code: 3 });
    const closed = await withDeadline(server.closed, "the end");
    expect(closed).toMatchObject({ by: "peer", clean: true, code: 3, streamsAborted: 0 });
    const found: string[] = [];
    for await (const each of server.streams()) found.push(await collect(each));
    expect(found[0]).toBe("the last words");
    expect(found.map((text) => text.length)).toEqual([14, 300_000]);
  });

  test("fails with KING_STREAM_RESET what the peer's end cuts short", async () => {
    await using pair = await usual.pair(name, peer);
    const stream = await pair.client.openStream();
    await stream.write(bytes("half"));
    const reading = collect(stream);
    reading.catch(() => undefined);
    for await (const other of pair.server.streams()) {
      await other[Symbol.asyncIterator]().next();
      break;
    }
    pair.server.abort(new Error("enough"));
    await expect(withDeadline(reading, "a failure")).rejects.toMatchObject({
      code: "KING_STREAM_RESET",
      details: { by: "peer" },
    });
    expect(await pair.client.closed).toMatchObject({ by: "peer", clean: false, streamsAborted: 1 });
  });

  test("leaves no socket and no timer behind", async () => {
    const engine = await engines[name].open();
    const resources = watchResources();
    const listener = await engine.listen({
      local: { address: "127.0.0.1", port: 0 },
      tls: { alpn: ["king"], ...certificates.leaf },
      onSession: (session) => void session.close(),
    });
    const { port } = listener.local;
    const session = await engine.connect({ remote: { address: "127.0.0.1", port }, tls });
    await withDeadline(session.closed, "the end");
    await withDeadline(listener.close(), "the listener's end");
    expect(listener.state).toBe("closed");
    await resources.settled();
  });
});
