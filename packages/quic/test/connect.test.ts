import { createSocket } from "node:dgram";
import { readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { inKeyFolder } from "../src/current-space/key-folder.ts";
import {
  certificates,
  type EngineName,
  engineNames,
  engines,
  listen,
  needEngines,
  tls,
} from "./engines.ts";

const { leaf, wrongHost, expired } = certificates;

/** A UDP port on which nobody answers. */
async function silentPort() {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { port: socket.address().port, [Symbol.dispose]: () => socket.close() };
}

describe.each(engineNames)("%s", (name: EngineName) => {
  const peer = engineNames.find((each) => each !== name) as EngineName;

  describe.each([
    ["an unknown authority", leaf, { ca: undefined }],
    ["the name of another host", wrongHost, {}],
    ["a certificate out of date", expired, {}],
    ["a name that was not asked for", leaf, { serverName: "other.example" }],
  ])("refuses a server with %s", (_, certificate, changed) => {
    test("(KING_QUIC_TLS)", async (context) => {
      await needEngines(context, name, peer);
      const server = await engines[peer].open();
      const listener = await server.listen({
        local: { address: "127.0.0.1", port: 0 },
        tls: { alpn: ["king"], ...certificate },
        onSession: () => undefined,
      });
      const { alpn, ca, serverName } = { ...tls, ...changed };
      const engine = await engines[name].open();
      const connecting = engine.connect({
        remote: { address: "127.0.0.1", port: listener.local.port },
        tls: { alpn, serverName, ...(ca === undefined ? {} : { ca }) },
      });
      await expect(withDeadline(connecting, "a refusal")).rejects.toMatchObject({
        code: "KING_QUIC_TLS",
        details: { alert: expect.any(Number) },
      });
      listener.abort();
      await listener.closed;
    });
  });

  test("does not connect to a server of another protocol (ALPN)", async (context) => {
    await needEngines(context, name, peer);
    const listener = await (await engines[peer].open()).listen({
      local: { address: "127.0.0.1", port: 0 },
      tls: { alpn: ["other"], ...leaf },
      onSession: () => undefined,
    });
    const engine = await engines[name].open({ handshakeTimeoutMs: 150 });
    const remote = { address: "127.0.0.1", port: listener.local.port };
    // currentspace says nothing of the alert that it gets.
    const code = name === "matrix" ? "KING_QUIC_TLS" : "KING_QUIC_TIMEOUT";
    await expect(engine.connect({ remote, tls })).rejects.toMatchObject({ code });
    listener.abort();
    await listener.closed;
  });

  test("gives up a handshake at its deadline (KING_QUIC_TIMEOUT)", async (context) => {
    await needEngines(context, name);
    using silent = await silentPort();
    const engine = await engines[name].open({ handshakeTimeoutMs: 50 });
    const remote = { address: "127.0.0.1", port: silent.port };
    await expect(engine.connect({ remote, tls })).rejects.toMatchObject({
      code: "KING_QUIC_TIMEOUT",
      details: { timeoutMs: 50 },
    });
  });

  test("gives up a handshake with the reason of the signal", async (context) => {
    await needEngines(context, name);
    using silent = await silentPort();
    const engine = await engines[name].open();
    const remote = { address: "127.0.0.1", port: silent.port };
    const giveUp = new AbortController();
    const reason = new Error("enough");
    const connecting = engine.connect({ remote, tls, signal: giveUp.signal });
    setImmediate(() => giveUp.abort(reason));
    await expect(withDeadline(connecting, "a rejection")).rejects.toBe(reason);
    await expect(engine.connect({ remote, tls, signal: giveUp.signal })).rejects.toBe(reason);
  });

  test("says which address cannot be listened on (KING_QUIC_LISTEN)", async (context) => {
    await needEngines(context, name);
    using taken = await silentPort();
    const engine = await engines[name].open();
    const listening = engine.listen({
      local: { address: "127.0.0.1", port: taken.port },
      tls: { alpn: ["king"], ...leaf },
      onSession: () => undefined,
    });
    await expect(listening).rejects.toMatchObject({
      code: "KING_QUIC_LISTEN",
      details: { address: "127.0.0.1", port: taken.port },
    });
  });

  test("connects to a host by its name, and by IPv6", async (context) => {
    await needEngines(context, name, peer);
    const server = await engines[peer].open();
    const listener = await server.listen({
      local: { address: "::1", port: 0 },
      tls: { alpn: ["king"], ...leaf },
      onSession: () => undefined,
    });
    const engine = await engines[name].open();
    const { port } = listener.local;
    const session = await engine.connect({ remote: { address: "::1", port }, tls });
    expect(session.remote).toMatchObject({ address: "::1", port });
    session.abort();
    await session.closed;
    listener.abort();
    await listener.closed;
  });

  test("takes no more sessions than it may (maxSessions)", async (context) => {
    await needEngines(context, name, peer);
    const engine = await engines[name].open({ maxSessions: 1 });
    await using server = await listen(engine);
    const client = await engines[peer].open({ handshakeTimeoutMs: 150 });
    const remote = { address: "127.0.0.1", port: server.port };
    const first = await client.connect({ remote, tls });
    await server.accept();
    await expect(client.connect({ remote, tls })).rejects.toMatchObject({
      category: expect.stringMatching(/timeout|network/),
    });
    first.abort();
    await first.closed;
  });
});

test("matrix learns at once that nobody listens (KING_QUIC_CONNECT)", async (context) => {
  await needEngines(context, "matrix");
  let port: number;
  {
    using silent = await silentPort();
    port = silent.port;
  }
  const engine = await engines.matrix.open();
  const connecting = engine.connect({ remote: { address: "127.0.0.1", port }, tls });
  await expect(connecting).rejects.toMatchObject({
    code: "KING_QUIC_CONNECT",
    details: { address: "127.0.0.1", port },
  });
});

describe("the folder for a private key", () => {
  test("is nobody else's, and gone afterwards", () => {
    const before = process.env["TMPDIR"];
    const folder = inKeyFolder(() => {
      const { mode } = statSync(tmpdir());
      expect(mode & 0o777).toBe(0o700);
      return tmpdir();
    });
    expect(process.env["TMPDIR"]).toBe(before);
    expect(() => statSync(folder)).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  test("is gone also when the engine refuses the key", () => {
    expect(() =>
      inKeyFolder(() => {
        throw new Error("no key");
      }),
    ).toThrow("no key");
    const left = readdirSync(tmpdir()).filter((each) => each.startsWith("king-quic-"));
    expect(left).toEqual([]);
  });
});
