import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  connectRaw,
  eventually,
  makeCertificates,
  testClock,
  withDeadline,
} from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type ListenHttpOptions, listenHttp } from "../../src/index.ts";

const trustedProxies = ["127.0.0.1"];
const header = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n";
const get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const facts: ListenHttpOptions["handler"] = (exchange) => {
  const { remote, local, proxy } = exchange.session;
  exchange.respond(200, {}, JSON.stringify({ remote, local, proxy: proxy?.address }));
};
const told = {
  remote: { address: "192.0.2.1", port: 56324, family: "IPv4" },
  local: { address: "198.51.100.2", port: 443, family: "IPv4" },
  proxy: "127.0.0.1",
};
const bodyOf = (text: string) => JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4));

describe("a connection from a trusted proxy", () => {
  test.each([
    ["with the request", [header + get]],
    ["before the request", [header, get]],
    ["byte by byte", [...(header + get)]],
  ])("tells of the client, %s", async (_, parts) => {
    await using listener = await listenHttp({ handler: facts, trustedProxies });
    await using socket = await connectRaw({ port: listener.local.port });
    for (const part of parts) await socket.write(part);
    expect(bodyOf((await socket.readToEnd()).toString())).toEqual(told);
  });

  test("tells of the client before TLS", async () => {
    const { leaf, ca } = await makeCertificates();
    await using listener = await listenHttp({ handler: facts, trustedProxies, tls: leaf });
    const tcp = connectTcp({ port: listener.local.port, host: "127.0.0.1" });
    tcp.write(header);
    const socket = connectTls({ socket: tcp, ca, servername: "localhost" });
    socket.write(get);
    let text = "";
    for await (const chunk of socket) text += chunk;
    expect(bodyOf(text)).toEqual(told);
  });

  test("that speaks for itself has the addresses it really has", async () => {
    await using listener = await listenHttp({ handler: facts, trustedProxies });
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write(`PROXY UNKNOWN\r\n${get}`);
    const body = bodyOf((await socket.readToEnd()).toString());
    expect(body.remote.address).toBe("127.0.0.1");
    expect(body.proxy).toBeUndefined();
  });

  test.each([
    ["no header", get],
    ["a header that is none", `PROXY TCP4 1.2.3.4\r\n${get}`],
  ])("is ended without a word when it begins with %s", async (_, bytes) => {
    let served = 0;
    await using listener = await listenHttp({ handler: () => void served++, trustedProxies });
    await using socket = await connectRaw({ port: listener.local.port });
    await socket.write(bytes);
    await withDeadline(socket.ended, "the end of the connection");
    expect([socket.received().length, served]).toEqual([0, 0]);
    expect(listener.stats().sessionsRefused).toBe(1);
  });

  test.each([["over TLS"], ["in the clear"]])(
    "that begins with nothing is ended in time, %s",
    async (how) => {
      const { leaf } = await makeCertificates();
      const clock = testClock();
      await using listener = await listenHttp({
        handler: facts,
        trustedProxies,
        clock,
        headersTimeoutMs: 1_000,
        ...(how === "over TLS" ? { tls: leaf } : {}),
      });
      await using socket = await connectRaw({ port: listener.local.port });
      await socket.write("PROXY TCP4 192.0");
      const over = socket.ended.then(() => true);
      await eventually("the end of the connection", async () => {
        clock.advance(500);
        return Promise.race([over, new Promise((resolve) => setImmediate(resolve, false))]);
      });
      listener.abort(); // its clock stands still
    },
  );
});

test("a connection from elsewhere is served as it is, and a header is no request", async () => {
  await using listener = await listenHttp({
    handler: facts,
    trustedProxies: ["10.0.0.0/8", "::2"],
  });
  const { port } = listener.local;
  await using socket = await connectRaw({ port });
  await socket.write(get);
  expect(bodyOf((await socket.readToEnd()).toString()).remote.address).toBe("127.0.0.1");
  await using liar = await connectRaw({ port });
  await liar.write(header + get);
  expect((await liar.readToEnd()).toString()).toMatch(/^HTTP\/1.1 400 /);
});

test("a network is trusted by its prefix", async () => {
  await using listener = await listenHttp({ handler: facts, trustedProxies: ["127.0.0.0/8"] });
  await using socket = await connectRaw({ port: listener.local.port });
  await socket.write(header + get);
  expect(bodyOf((await socket.readToEnd()).toString())).toEqual(told);
});

test.each(["localhost", "10.0.0.0/33", "10.0.0.0/", "::1/129", "1.2.3.4/-1", ""])(
  "%j is no address or network",
  async (each) => {
    await expect(listenHttp({ handler: facts, trustedProxies: [each] })).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option: "trustedProxies" },
    });
  },
);
