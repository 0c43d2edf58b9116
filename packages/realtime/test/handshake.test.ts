import { type Exchange, headerView } from "@king-runtime/core";
import { connectRaw, recordDiagnostics } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { checkHandshake } from "../src/handshake.ts";
import type { RefuseDiagnostic } from "../src/index.ts";
import {
  connectClient,
  connectRawClient,
  handshake,
  openEndpoint,
  sampleProof,
} from "./endpoint.ts";

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly problem: { readonly status: number; readonly title: string; readonly detail: string };
}

async function refusal(port: number, request: string): Promise<Answer> {
  await using socket = await connectRaw({ port });
  await socket.write(request);
  const head = (await socket.readUntil("\r\n\r\n")).toLowerCase();
  const length = Number(/content-length: (\d+)/.exec(head)?.[1]);
  const problem = JSON.parse((await socket.readBytes(length)).toString());
  expect(head).toContain("content-type: application/problem+json");
  return { status: Number(head.slice(9, 12)), head, problem };
}

test("RFC 6455, section 1.3: the sample key gets the sample proof", async () => {
  const { port } = await openEndpoint();
  await using socket = await connectRaw({ port });
  await socket.write(handshake(port));
  const head = await socket.readUntil("\r\n\r\n");
  expect(head).toMatch(/^HTTP\/1\.1 101 /);
  expect(head.toLowerCase()).toContain("upgrade: websocket\r\n");
  expect(head).toContain(`sec-websocket-accept: ${sampleProof}\r\n`);
  // One handshake, one answer: nothing of a second one follows.
  expect(socket.received()).toHaveLength(0);
});

test("frames in the same packet as the handshake are not lost", async () => {
  const { port } = await openEndpoint({}, () => ({
    onMessage: (connection, message) => void connection.send(`got ${message}`),
  }));
  await using socket = await connectRaw({ port });
  const early = Buffer.from("818212345678" + "7a5d", "hex"); // "hi", masked
  await socket.write(Buffer.concat([Buffer.from(handshake(port), "latin1"), early]));
  await socket.readUntil("\r\n\r\n");
  expect((await socket.readBytes(8)).subarray(2).toString()).toBe("got hi");
});

test.each([
  ["no upgrade", { upgrade: undefined, connection: undefined }, 426, /WebSocket endpoint/],
  ["version 8", { "sec-websocket-version": "8" }, 426, /version 13, got "8"/],
  ["no version", { "sec-websocket-version": undefined }, 426, /got none/],
  ["two versions", { "sec-websocket-version": "13, 8" }, 426, /13, 8/],
  ["no key", { "sec-websocket-key": undefined }, 400, /16 bytes in base64, got none/],
  ["a short key", { "sec-websocket-key": "c2hvcnQ=" }, 400, /16 bytes/],
  ["a key that is no base64", { "sec-websocket-key": "!".repeat(24) }, 400, /16 bytes/],
  ["a foreign page", { origin: "https://evil.example" }, 403, /evil\.example/],
])("RFC 6455, section 4.2: %s is refused", async (_, changes, status, detail) => {
  const { port, realtime } = await openEndpoint();
  using refusals = recordDiagnostics<RefuseDiagnostic>("king:realtime:refuse");
  const answer = await refusal(port, handshake(port, changes));
  expect(answer.status).toBe(status);
  expect(answer.problem).toMatchObject({ status, detail: expect.stringMatching(detail) });
  expect(refusals.values).toMatchObject([{ status }]);
  expect(realtime.stats().connections).toBe(0);
});

test("RFC 6455, section 4.4: a wrong version is answered with the one that is spoken", async () => {
  const { port } = await openEndpoint();
  const { head } = await refusal(port, handshake(port, { "sec-websocket-version": "7" }));
  expect(head).toContain("sec-websocket-version: 13\r\n");
});

test("a WebSocket is not opened with POST", async () => {
  const { port } = await openEndpoint();
  const { status, head } = await refusal(port, handshake(port, {}, "POST / HTTP/1.1"));
  expect(status).toBe(405);
  expect(head).toContain("allow: get\r\n");
});

test("a key given twice is refused", async () => {
  const { port } = await openEndpoint();
  const twice = handshake(port).replace(
    "sec-websocket-key",
    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-key",
  );
  expect((await refusal(port, twice)).status).toBe(400);
});

test("pages of the same and of allowed origins connect", async () => {
  const { url, port } = await openEndpoint({ allowedOrigins: ["https://*.friend.example"] });
  for (const origin of [`http://127.0.0.1:${port}`, "https://a.friend.example"]) {
    const { socket } = await connectClient(url, { origin });
    expect(socket.readyState).toBe(socket.OPEN);
  }
  await expect(connectClient(url, { origin: "https://friend.example" })).rejects.toThrow("403");
});

test("no extension is agreed to, also when offered", async () => {
  const { url } = await openEndpoint();
  const { socket } = await connectClient(url, { perMessageDeflate: true });
  expect(socket.extensions).toBe("");
});

test("one connection too many is answered 503 and may come back later", async () => {
  const { url, port } = await openEndpoint({ maxConnections: 1 });
  const first = await connectClient(url);
  const { status, head } = await refusal(port, handshake(port));
  expect(status).toBe(503);
  expect(head).toContain("retry-after: ");
  first.socket.close();
  await first.closed;
  const second = await connectClient(url);
  expect(second.socket.readyState).toBe(second.socket.OPEN);
});

test("channels that cannot be joined fail the call before the upgrade", async () => {
  const { port, errors } = await openEndpoint({ maxChannelsPerConnection: 1 }, ({ path }) => ({
    channels: path === "/two" ? ["a", "b"] : [""],
  }));
  for (const path of ["/two", "/empty"]) {
    await using socket = await connectRaw({ port });
    await socket.write(handshake(port, {}, `GET ${path} HTTP/1.1`));
    expect(await socket.readUntil("\r\n")).toMatch(/500/);
  }
  expect(errors.values).toMatchObject([
    { code: "KING_REALTIME_CHANNEL_LIMIT" },
    { code: "KING_REALTIME_CHANNEL_INVALID" },
  ]);
});

test("a client that resets during its handshake leaves nothing behind", async () => {
  const { port, realtime, opened } = await openEndpoint();
  const socket = await connectRawClient(port);
  const [connection] = await opened.take(1);
  socket.reset();
  expect(await connection?.closed).toMatchObject({ by: "network", code: 1006, clean: false });
  expect(realtime.stats()).toMatchObject({ connections: 0, channels: 0 });
});

test("RFC 8441, section 5: extended CONNECT needs no key and gets no proof", () => {
  const exchange = (fields: string[], protocol = "websocket") =>
    ({
      method: "CONNECT",
      authority: "app.example",
      scheme: "https",
      headers: headerView(fields),
      session: { protocol: "h2" },
      upgrade: { protocol },
    }) as unknown as Exchange;
  const version = ["sec-websocket-version", "13"];
  expect(checkHandshake(exchange(version), [])).toEqual({ headers: {} });
  expect(checkHandshake(exchange([]), [])).toEqual({
    status: 426,
    detail: expect.stringContaining("got none"),
    headers: { "sec-websocket-version": "13" },
  });
  expect(checkHandshake(exchange(version, "connect-udp"), [])).toEqual({
    status: 426,
    detail: expect.any(String),
  });
  expect(checkHandshake(exchange([...version, "origin", "http://app.example"]), [])).toMatchObject({
    status: 403,
  });
});
