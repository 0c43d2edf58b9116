import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { defineConfig } from "@king-runtime/core";
import { makeCertificates, recordTelemetry, watchResources } from "@king-runtime/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { listenHttp, request, requestSection, tlsSection } from "../src/index.ts";

/** A server of raw bytes, which says `bytes` to whoever asks. */
async function saying(bytes: string | ((socket: Socket) => void)) {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      if (typeof bytes === "string") socket.end(bytes, "latin1");
      else bytes(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

async function* sent(text: string, gate?: Promise<void>) {
  yield Buffer.from(text);
  await gate;
}

const head = (...fields: string[]) => `${["HTTP/1.1 200 OK", ...fields].join("\r\n")}\r\n\r\n`;

describe("a response", () => {
  test("tells status, headers, protocol and trailers, and is read in any form, once", async () => {
    await using listener = await listenHttp({
      async handler(exchange) {
        exchange.respond(201, { "content-type": "application/json", "set-cookie": ["a=1", "b=2"] });
        exchange.setTrailers({ sum: "9" });
        await exchange.end(Buffer.from(`{"method":"${exchange.method}"}`));
      },
    });
    const url = `http://127.0.0.1:${listener.local.port}/`;
    const response = await request(url);
    expect([response.status, response.protocol]).toEqual([201, "h1"]);
    expect(response.headers.getAll("set-cookie")).toEqual(["a=1", "b=2"]);
    expect(await response.json()).toEqual({ method: "GET" });
    expect((await response.trailers).get("sum")).toBe("9");
    await expect(response.text()).rejects.toMatchObject({ code: "KING_HTTP_BODY_USED" });
    expect(await (await request(url, { method: "PUT" })).text()).toBe('{"method":"PUT"}');
    const fetched = (await request(url)).toFetch();
    expect(fetched).toBeInstanceOf(Response);
    expect(await fetched.json()).toEqual({ method: "GET" });
    let length = 0;
    for await (const chunk of await request(url)) length += chunk.length;
    expect(length).toBe(16);
  });

  test("tells the interim responses that came before", async () => {
    await using listener = await listenHttp({
      handler(exchange) {
        exchange.inform(103, { link: "</a>" });
        exchange.respond(200, {}, "x");
      },
    });
    const response = await request(`http://127.0.0.1:${listener.local.port}/`);
    expect(await response.text()).toBe("x");
    const [interim] = response.informational;
    expect([interim?.status, interim?.headers.get("link")]).toEqual([103, "</a>"]);
  });

  test("sends bodies of every kind", async () => {
    await using listener = await listenHttp({
      async handler(exchange) {
        exchange.respond(200, {}, await exchange.bytes());
      },
    });
    const url = `http://127.0.0.1:${listener.local.port}/`;
    async function* parts() {
      yield Buffer.from("pa");
      yield Buffer.from("rts");
    }
    const bodies = ["text", Buffer.from("bytes"), parts(), new Response("stream").body];
    const answers: string[] = [];
    for (const body of bodies) {
      const options = { method: "POST", body: body as string };
      answers.push(await (await request(url, options)).text());
    }
    expect(answers).toEqual(["text", "bytes", "parts", "stream"]);
  });

  test.each([
    ["HEAD", "200 OK"],
    ["GET", "304 Not Modified"],
    ["GET", "204 No Content"],
  ])("to %s with %s has no body, whatever length it tells", async (method, status) => {
    await using place = await saying(`HTTP/1.1 ${status}\r\ncontent-length: 101\r\n\r\n`);
    const response = await request(place.url, { method, maxBodyBytes: 100 });
    expect(response.headers.get("content-length")).toBe("101");
    expect(await response.bytes()).toHaveLength(0);
  });

  test("that is disposed of has no trailers any more", async () => {
    await using place = await saying((socket) => void socket.write(head("content-length: 10")));
    const response = await request(place.url);
    const { trailers } = response;
    await response[Symbol.asyncDispose]();
    await expect(trailers).rejects.toMatchObject({ code: "KING_STREAM_CLOSED" });
    const read = await request(place.url);
    await read.body.cancel();
    await expect(read.trailers).rejects.toMatchObject({ code: "KING_STREAM_CLOSED" });
  });

  test("is no Response when its status cannot be one", async () => {
    await using place = await saying("HTTP/1.1 999 X\r\ncontent-length: 1\r\n\r\na");
    const response = await request(place.url);
    expect(() => response.toFetch()).toThrow(
      expect.objectContaining({ code: "KING_HTTP_PROTOCOL" }),
    );
    expect(await response.text()).toBe("a");
  });

  test.each([[Number.NaN], [-1], ["5"]])("is not read up to a limit of %j", async (limit) => {
    await using place = await saying(`${head()}x`);
    await using response = await request(place.url);
    await expect(response.bytes({ limit: limit as number })).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
    });
  });

  test("is told in a span whose server.address carries no port", async () => {
    await using telemetry = recordTelemetry();
    await using place = await saying(head("content-length: 0"));
    await (await request(place.url)).bytes();
    const [span] = await telemetry.spans();
    expect(span?.attributes).toMatchObject({
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(place.url).port),
    });
  });

  test("that nobody reads is given up by disposing of it, and leaves nothing behind", async () => {
    const watch = watchResources();
    {
      await using listener = await listenHttp({
        handler(exchange) {
          exchange.respond(200);
          void exchange.write(new Uint8Array(1_000_000))?.catch(() => undefined);
        },
      });
      await using response = await request(`http://127.0.0.1:${listener.local.port}/`);
      expect(response.status).toBe(200);
    }
    await watch.settled();
  });
});

describe("a request that fails says why", () => {
  test("nobody listens (KING_NET_CONNECT)", async () => {
    const place = await saying("");
    await place[Symbol.asyncDispose]();
    await expect(request(place.url)).rejects.toMatchObject({
      code: "KING_NET_CONNECT",
      category: "network",
      retryable: true,
    });
  });

  test.each([
    ["nonsense", "nonsense\r\n\r\n", "KING_HTTP_PROTOCOL"],
    ["nothing", "", "KING_HTTP_ABORTED"],
    ["a header block over the limit", head(`a: ${"a".repeat(40_000)}`), "KING_HTTP_HEADER_LIMIT"],
  ])("the server says %s", async (_, bytes, code) => {
    await using place = await saying(bytes);
    await expect(request(place.url)).rejects.toMatchObject({ code });
  });

  test.each([
    ["that breaks off", `${head("content-length: 10")}half`, "KING_HTTP_ABORTED"],
    [
      "whose chunks break off",
      `${head("transfer-encoding: chunked")}4\r\nhalf`,
      "KING_HTTP_ABORTED",
    ],
    [
      "over the limit by its length",
      `${head("content-length: 101")}${"x".repeat(101)}`,
      "KING_HTTP_BODY_LIMIT",
    ],
    ["over the limit by what comes", `${head()}${"x".repeat(101)}`, "KING_HTTP_BODY_LIMIT"],
  ])("a body %s", async (_, bytes, code) => {
    await using place = await saying(bytes);
    const response = await request(place.url, { maxBodyBytes: 100 });
    await expect(response.bytes()).rejects.toMatchObject({ code });
    await expect(response.trailers).rejects.toMatchObject({ code });
  });

  test("a body is not JSON (KING_HTTP_BODY_JSON)", async () => {
    await using place = await saying(`${head("content-length: 1")}{`);
    const response = await request(place.url);
    await expect(response.json()).rejects.toMatchObject({ code: "KING_HTTP_BODY_JSON" });
  });

  test.each([
    ["headers", { headersTimeoutMs: 50 }, () => undefined],
    [
      "body",
      { bodyIdleTimeoutMs: 50 },
      (socket: Socket) => void socket.write(`${head("content-length: 9")}x`),
    ],
  ])("the %s do not come in time (KING_HTTP_TIMEOUT)", async (phase, options, speak) => {
    await using place = await saying(speak);
    const answered = request(place.url, options).then((response) => response.bytes());
    await expect(answered).rejects.toMatchObject({ code: "KING_HTTP_TIMEOUT", details: { phase } });
  });

  test.each([
    ["too many", "HTTP/1.1 103 E\r\nlink: <a>\r\n\r\n".repeat(33)],
    ["too large together", `HTTP/1.1 103 E\r\nlink: <${"a".repeat(400)}>\r\n\r\n`.repeat(3)],
  ])("interim responses are %s (KING_HTTP_HEADER_LIMIT)", async (_, bytes) => {
    await using place = await saying((socket) => void socket.write(bytes));
    await expect(request(place.url, { maxHeaderBytes: 1_024 })).rejects.toMatchObject({
      code: "KING_HTTP_HEADER_LIMIT",
    });
  });

  test("interim responses do not put the deadline off (KING_HTTP_TIMEOUT)", async () => {
    await using place = await saying((socket) => {
      const timer = setInterval(() => socket.write("HTTP/1.1 102 P\r\n\r\n"), 10);
      socket.once("close", () => clearInterval(timer));
    });
    const watch = watchResources();
    const options = { headersTimeoutMs: 100, method: "POST", body: sent("a") };
    await expect(request(place.url, options)).rejects.toMatchObject({
      code: "KING_HTTP_TIMEOUT",
      details: { phase: "headers" },
    });
    await watch.settled();
  });

  test("the deadline of the head starts with the end of the request", async () => {
    await using listener = await listenHttp({
      async handler(exchange) {
        exchange.respond(200, {}, await exchange.bytes());
      },
    });
    const gate = Promise.withResolvers<void>();
    setTimeout(gate.resolve, 150);
    const url = `http://127.0.0.1:${listener.local.port}/`;
    const body = sent("a", gate.promise);
    const response = await request(url, { headersTimeoutMs: 100, method: "POST", body });
    expect(await response.text()).toBe("a");
  });

  test.each([["ftp://a/"], ["/path"], ["http://user:secret@a/"], [""]])(
    "the URL is %j (KING_HTTP_REQUEST_INVALID), and is not repeated in the message",
    async (url) => {
      const error = await request(url).catch((reason) => reason);
      expect(error).toMatchObject({ code: "KING_HTTP_REQUEST_INVALID" });
      expect(error.message).not.toContain("secret");
    },
  );

  test("a header cannot be sent (KING_HTTP_REQUEST_INVALID)", async () => {
    await using place = await saying(head());
    await expect(request(place.url, { headers: { a: "b\r\nc: d" } })).rejects.toMatchObject({
      code: "KING_HTTP_REQUEST_INVALID",
    });
  });

  test("an option is unknown, or locked by the operator", async () => {
    await expect(request("http://a/", { maxBodyByte: 1 } as object)).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      message: "maxBodyByte: no such option; did you mean maxBodyBytes?",
    });
    const config = defineConfig({
      sections: [requestSection, tlsSection],
      operator: { policy: { lock: ["request.*"] } },
    });
    await expect(request("http://a/", { config, maxBodyBytes: 1 })).rejects.toMatchObject({
      code: "KING_CONFIG_LOCKED",
    });
  });

  test.each<[string, object, string]>([
    ["headers", new Headers({ a: "b" }), "headers: expected an object of names and values"],
    ["headers", [["a", "b"]], "headers: expected an object of names and values"],
    ["protocols", 5 as unknown as object, "protocols: expected a list"],
    ["signal", 5 as unknown as object, "signal: expected an AbortSignal"],
    ["tls", null as unknown as object, "tls: expected an object"],
  ])("the option %s is %j (KING_OPTION_INVALID)", async (name, value, message) => {
    const error = await request("http://127.0.0.1:1/", { [name]: value }).catch((reason) => reason);
    expect(error).toMatchObject({ code: "KING_OPTION_INVALID", details: { option: name } });
    expect(error.message).toContain(message);
  });

  test.each([
    ["PO ST", "expected a token"],
    ["", "expected a token"],
    ["post", 'expected "POST", got "post"'],
  ])("the method is %j (KING_HTTP_REQUEST_INVALID)", async (method, message) => {
    const error = await request("http://127.0.0.1:1/", { method }).catch((reason) => reason);
    expect(error).toMatchObject({ code: "KING_HTTP_REQUEST_INVALID" });
    expect(error.message).toContain(message);
  });

  test("the source of its body throws: that very error", async () => {
    await using listener = await listenHttp({
      async handler(exchange) {
        await exchange.bytes();
      },
      onHandlerError: () => undefined,
    });
    const failure = new Error("no more bytes");
    async function* broken() {
      yield Buffer.from("half");
      throw failure;
    }
    const url = `http://127.0.0.1:${listener.local.port}/`;
    await expect(request(url, { method: "POST", body: broken() })).rejects.toBe(failure);
  });
});

describe("the caller's signal", () => {
  test("ends a request at any point, with its own reason", async () => {
    await using place = await saying(
      (socket) => void socket.write(`${head("content-length: 9")}x`),
    );
    const reason = new Error("enough");
    await expect(request(place.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const giveUp = new AbortController();
    const response = await request(place.url, { signal: giveUp.signal });
    const reading = response.bytes();
    giveUp.abort(reason);
    await expect(reading).rejects.toBe(reason);
    const own = new AbortController();
    const other = await request(place.url);
    const bytes = other.bytes({ signal: own.signal });
    own.abort(reason);
    await expect(bytes).rejects.toBe(reason);
  });
});

describe("TLS is verified", () => {
  let certificates: Awaited<ReturnType<typeof makeCertificates>>;
  beforeAll(async () => {
    certificates = await makeCertificates();
  });

  test.each(["leaf", "wrongHost", "expired"] as const)("%s", async (name) => {
    const { cert, key } = certificates[name];
    await using listener = await listenHttp({
      tls: { cert, key },
      handler: (exchange) => exchange.respond(200, {}, "secret"),
    });
    const url = `https://localhost:${listener.local.port}/`;
    await expect(request(url)).rejects.toMatchObject({ code: "KING_NET_TLS" });
    const answered = request(url, { tls: { ca: certificates.ca } });
    if (name === "leaf") expect(await (await answered).text()).toBe("secret");
    else await expect(answered).rejects.toMatchObject({ code: "KING_NET_TLS", category: "tls" });
  });
});
