import {
  quicChromiumArguments,
  recorder,
  requireSoftware,
  temporaryFolder,
} from "@king-runtime/testkit";
import { listenHttp } from "@king-runtime/transport";
import { chromium } from "playwright-core";
import { Agent, WebSocket } from "undici";
import { expect, test } from "vitest";
import { createRealtime } from "../src/index.ts";
import { certificates, engineOf } from "./carriers.ts";

const limits = { maxMessageBytes: 8_388_608, maxSendBufferBytes: 8_388_608 };

test("undici's WebSocket over HTTP/2 exchanges messages and closes with a code", async () => {
  const { ca, leaf } = await certificates();
  await using realtime = createRealtime(limits);
  const served = recorder<string>();
  await using listener = await listenHttp({
    tls: leaf,
    handler(exchange) {
      served.record(`${exchange.method} by ${exchange.session.protocol}`);
      realtime.handle(exchange, {
        channels: ["news"],
        onOpen: (connection) => connection.send("welcome"),
        onMessage: (connection, message) => void connection.send(message),
      });
    },
  });
  const dispatcher = new Agent({ allowH2: true, connect: { ca } });
  const socket = new WebSocket(`wss://localhost:${listener.local.port}/`, { dispatcher });
  socket.binaryType = "arraybuffer";
  const messages = recorder<unknown>();
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason })),
  );
  socket.addEventListener("message", ({ data }) => messages.record(data));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  const large = new Uint8Array(4_194_304).fill(107);
  socket.send("hello");
  socket.send(large);
  await messages.take(3);
  realtime.publish("news", "to all");
  const [welcome, hello, echoed, toAll] = await messages.take(4);
  expect([welcome, hello, toAll]).toEqual(["welcome", "hello", "to all"]);
  expect(Buffer.from(echoed as ArrayBuffer).equals(large)).toBe(true);
  expect(served.values).toEqual(["CONNECT by h2"]);
  await realtime.close();
  expect(await closed).toEqual({ code: 1001, reason: "server shutdown" });
  await dispatcher.close();
});

const page = `<!doctype html><script type="module">
  const seen = { messages: [] };
  const socket = new WebSocket("wss://" + location.host + "/socket");
  socket.binaryType = "arraybuffer";
  const next = () => new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = ({ code }) => reject(new Error("closed with " + code));
  });
  try {
    seen.messages.push(await next());
    socket.send("hello");
    seen.messages.push(await next());
    const large = new Uint8Array(4_194_304).fill(107);
    socket.send(large);
    const echoed = new Uint8Array(await next());
    seen.echoed = echoed.length === large.length && echoed.every((byte) => byte === 107);
    seen.close = await new Promise((resolve) => {
      socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
      socket.send("close");
    });
  } catch (error) {
    seen.error = String(error);
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(seen) });
</script>`;

// Not currentspace, whose connections Chromium ends with the transport's PROTOCOL_VIOLATION (RFC 9000, section 20.1).
test("Chromium's WebSocket over HTTP/3 exchanges messages and is closed with a code", {
  timeout: 60_000,
}, async (context) => {
  const executablePath = requireSoftware("chromium", context);
  const engine = await engineOf("h3 by matrix", context);
  if (engine === undefined) throw new Error("expected an engine");
  const { leaf } = await certificates();
  await using realtime = createRealtime(limits);
  const served = recorder<string>();
  const reported = Promise.withResolvers<unknown>();
  await using listener = await listenHttp({
    tls: leaf,
    quic: { engine },
    async handler(exchange) {
      if (exchange.path === "/socket") {
        served.record(`${exchange.method} by ${exchange.session.protocol}`);
        realtime.handle(exchange, {
          onOpen: (connection) => connection.send("welcome"),
          onMessage: (connection, message) => {
            if (message === "close") void connection.close({ code: 4001, reason: "moved" });
            else connection.send(message);
          },
        });
      } else if (exchange.path === "/report") {
        reported.resolve(JSON.parse(Buffer.from(await exchange.bytes()).toString()));
        exchange.respond(204);
      } else exchange.respond(200, { "content-type": "text/html" }, page);
    },
  });
  await using profile = await temporaryFolder("king-interop-browser");
  const browser = await chromium.launchPersistentContext(profile.path, {
    executablePath,
    headless: true,
    args: [
      ...quicChromiumArguments(listener.local.port, leaf.cert),
      "--enable-features=EnableWebsocketsOverHttp3",
    ],
  });
  try {
    const tab = await browser.newPage();
    tab.on("pageerror", reported.reject);
    await tab.goto(`https://localhost:${listener.local.port}/`);
    expect(await reported.promise).toEqual({
      messages: ["welcome", "hello"],
      echoed: true,
      close: { code: 4001, reason: "moved", wasClean: true },
    });
    expect(served.values).toEqual(["CONNECT by h3"]);
  } finally {
    await browser.close();
    listener.abort();
  }
});
