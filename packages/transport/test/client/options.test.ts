import { defineConfig, type HeaderFields } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import {
  createHttpClient,
  openHttpSession,
  poolSection,
  request,
  requestSection,
  tlsSection,
} from "../../src/index.ts";
import { type Asking, asking, carriers, onCarrier, type Serve } from "./carriers.ts";
import { rawServer } from "./counting-server.ts";

/** The three ways to ask, at a server that notes who connects. */
async function untouched(check: (ask: Asking["ask"], url: string) => Promise<void>) {
  await using server = await rawServer((socket) => socket.resume());
  const origin = server.url.slice(0, -1);
  const peer = { origin, options: { protocols: ["h1"] as const } };
  for (const by of ["request", "client"] as const) {
    const carrier = carriers.find((each) => each.by === by);
    if (carrier === undefined) throw new Error("no such carrier");
    await using asks = await asking(carrier, peer);
    await check(asks.ask, server.url);
  }
  expect(server.connections).toBe(0);
  await using session = await openHttpSession(origin);
  await check(async (path, own) => (await session.request({ path, ...own })).response, server.url);
  for (const socket of server.sockets) expect(socket.bytesRead).toBe(0);
}

describe("nothing of a request is sent whose", () => {
  test.each<[string, HeaderFields]>([
    ["value has CR", { a: "b\rc" }],
    ["value has LF", { a: "b\nc: d" }],
    ["value has NUL", { a: "b\0c" }],
    ["value has what no byte holds", { a: "\u0100" }],
    ["second value has CRLF", { a: ["b", "c\r\nd: e"] }],
    ["name has a space", { "a b": "c" }],
    ["name has a colon", { "a:b": "c" }],
    ["name has CRLF", { "a\r\nb": "c" }],
    ["name is empty", { "": "c" }],
    ["name is that of a pseudo-field", { ":path": "/other" }],
    ["fields have connection", { Connection: "close" }],
    ["fields have keep-alive", { "keep-alive": "timeout=5" }],
    ["fields have transfer-encoding", { "Transfer-Encoding": "chunked" }],
    ["fields have upgrade", { upgrade: "h2c" }],
    ["fields have expect", { expect: "100-continue" }],
    ["fields have trailer", { trailer: "x" }],
    ["fields have te of HTTP/1.1", { te: "gzip" }],
    ["host is given twice", { host: ["a", "b"] }],
    ["host is none", { host: [] }],
    ["host is empty", { host: "" }],
    ["host has a path", { host: "a/b" }],
    ["host has a user", { Host: "user@a" }],
    ["length is not that of its body", { "content-length": "5" }],
    ["length is given twice", { "content-length": ["0", "0"] }],
    ["length is no number", { "content-length": "0x0" }],
  ])("%s (KING_HTTP_REQUEST_INVALID)", async (_, headers) => {
    await untouched(async (ask) => {
      const error = await ask("/", { headers }).catch((reason) => reason);
      expect(error).toMatchObject({
        code: "KING_HTTP_REQUEST_INVALID",
        details: { option: "headers" },
      });
      expect(error.message).not.toMatch(/[\r\n\0]/);
    });
  });

  test.each(["", "GE T", "GET\r\n", "GET /", "get", "CONNECT", "connect", 5 as unknown as string])(
    "method is %j (KING_HTTP_REQUEST_INVALID)",
    async (method) => {
      await untouched(async (ask) => {
        await expect(ask("/", { method })).rejects.toMatchObject({
          code: "KING_HTTP_REQUEST_INVALID",
          details: { option: "method" },
        });
      });
    },
  );

  test.each([
    ["a line break", (url: string) => `${url}a\r\nb`],
    ["a tab", (url: string) => `${url}a\tb`],
    ["NUL", (url: string) => `${url}\0`],
    ["a line break before it", (url: string) => `\n${url}`],
    ["credentials", (url: string) => url.replace("//", "//user:secret@")],
    ["a user alone", (url: string) => url.replace("//", "//user@")],
    ["another scheme", (url: string) => url.replace("http:", "ftp:")],
    ["no scheme", (url: string) => url.replace("http:", "")],
    ["no host", () => "http://"],
    ["a port that is none", () => "http://127.0.0.1:99999/"],
  ])("URL has %s (KING_HTTP_REQUEST_INVALID)", async (_, change) => {
    await using server = await rawServer((socket) => socket.resume());
    await using client = createHttpClient();
    const url = change(server.url);
    for (const asked of [request(url), client.request(url), openHttpSession(url)]) {
      const error = await asked.catch((reason) => reason);
      expect(error).toMatchObject({
        code: "KING_HTTP_REQUEST_INVALID",
        details: { option: "url" },
      });
      expect(error.message).not.toContain("secret");
    }
    expect(server.connections).toBe(0);
  });

  test.each([
    [{ Accept: "a", accept: "b" }],
    [{ ACCEPT: "a", Accept: "b" }],
    [JSON.parse('{ "__proto__": "a" }')],
  ])("headers %j (KING_HTTP_REQUEST_INVALID)", async (headers) => {
    await untouched(async (ask) => {
      const error = await ask("/", { headers }).catch((reason) => reason);
      expect(error).toMatchObject({ code: "KING_HTTP_REQUEST_INVALID" });
      expect(error.message).toMatch(/^headers: .*expected (the name once|another name)/);
    });
  });

  test.each<[string, unknown]>([
    ["headers", new Headers()],
    ["headers", null],
    ["body", 5],
    ["body", {}],
    ["body", null],
    ["expectContinue", "yes"],
    ["decompress", 1],
    ["idempotent", "no"],
    ["onInformational", {}],
    ["signal", {}],
    ["trailers", 5],
    ["headersTimeoutMs", 0],
    ["headersTimeoutMs", "5"],
    ["bodyIdleTimeoutMs", -1],
    ["bodyIdleResumes", 1],
    ["timeoutMs", Number.NaN],
    ["maxBodyBytes", -1],
    ["writeIdleTimeoutMs", Number.POSITIVE_INFINITY],
    ["expectTimeoutMs", null],
  ])("option %s is %j (KING_OPTION_INVALID)", async (name, value) => {
    await untouched(async (ask) => {
      const error = await ask("/", { [name]: value }).catch((reason) => reason);
      expect(error).toMatchObject({ code: "KING_OPTION_INVALID" });
      expect(error.message).toContain(`${name}: `);
    });
  });

  test.each([[null], [[]], ["GET"], [5]])("options are %j (KING_OPTION_INVALID)", async (given) => {
    const options = given as object;
    const refusal = { code: "KING_OPTION_INVALID", details: { option: "options" } };
    await untouched(async (_, url) => {
      await expect(request(url, options)).rejects.toMatchObject(refusal);
      await using client = createHttpClient();
      await expect(client.request(url, options)).rejects.toMatchObject(refusal);
      await expect(openHttpSession(url, options)).rejects.toMatchObject(refusal);
    });
    await using server = await rawServer((socket) => socket.resume());
    await using session = await openHttpSession(server.url);
    await expect(session.request(options)).rejects.toMatchObject(refusal);
    await expect(session.upgrade(options as { protocol: string })).rejects.toMatchObject(refusal);
    expect(() => createHttpClient(options)).toThrow(expect.objectContaining(refusal));
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a number", 5],
    ["a promise", Promise.resolve("later")],
    ["an object that is no source", {}],
  ])("body is a function that gives %s (KING_HTTP_REQUEST_INVALID)", async (_, given) => {
    await using server = await rawServer((socket) => socket.resume());
    await using client = createHttpClient();
    const body = (() => given) as () => AsyncIterable<Uint8Array>;
    for (const ask of [request, client.request.bind(client)]) {
      const error = await ask(server.url, { method: "PUT", body }).catch((reason) => reason);
      expect(error).toMatchObject({
        code: "KING_HTTP_REQUEST_INVALID",
        details: { option: "body" },
      });
      expect(error.message).toContain("a function that gives an async iterable");
    }
  });

  test.each([
    ["metod", "method"],
    ["header", "headers"],
    ["timeoutMS", "timeoutMs"],
    ["decompres", "decompress"],
  ])("option %s was meant to be %s", async (wrong, right) => {
    await untouched(async (ask) => {
      await expect(ask("/", { [wrong]: 1 } as object)).rejects.toMatchObject({
        code: "KING_OPTION_INVALID",
        message: `${wrong}: no such option; did you mean ${right}?`,
      });
    });
  });
});

describe("a config binds", () => {
  const sections = [requestSection, tlsSection, poolSection] as const;

  test("requests that say nothing else", async () => {
    const config = defineConfig({ sections, operator: { request: { maxBodyBytes: 3 } } });
    const serve: Serve = (_, outgoing) => outgoing.end("four");
    for (const carrier of carriers) {
      await onCarrier(carrier, serve, async (_, peer) => {
        const options = { ...peer.options, config };
        const limit = { code: "KING_HTTP_BODY_LIMIT", details: { limitBytes: 3 } };
        const alone = await request(peer.origin, options);
        await expect(alone.text()).rejects.toMatchObject(limit);
        await using client = createHttpClient(options);
        await expect((await client.request(peer.origin)).text()).rejects.toMatchObject(limit);
        const own = await client.request(peer.origin, { maxBodyBytes: 4 });
        expect(await own.text()).toBe("four");
      });
    }
  });

  test("requests where the operator locks it (KING_CONFIG_LOCKED)", async () => {
    const config = defineConfig({
      sections,
      operator: { policy: { lock: ["request.*", "pool.*"] } },
    });
    const locked = { code: "KING_CONFIG_LOCKED", details: { key: "request.timeoutMs" } };
    await using server = await rawServer((socket) => socket.resume());
    await expect(request(server.url, { config, timeoutMs: 5 })).rejects.toMatchObject(locked);
    await using client = createHttpClient({ config });
    await expect(client.request(server.url, { timeoutMs: 5 })).rejects.toMatchObject(locked);
    await using session = await openHttpSession(server.url, { config });
    await expect(session.request({ timeoutMs: 5 })).rejects.toMatchObject(locked);
    expect(() => createHttpClient({ config, maxIdleSessions: 5 })).toThrow(
      expect.objectContaining({ code: "KING_CONFIG_LOCKED" }),
    );
    const open = { code: "KING_CONFIG_LOCKED", details: { key: "request.connectTimeoutMs" } };
    await expect(
      openHttpSession(server.url, { config, connectTimeoutMs: 5 }),
    ).rejects.toMatchObject(open);
  });
});

describe.each(carriers)("$name", (carrier) => {
  test("sends the caller's host in place of the URL's", async () => {
    const serve: Serve = (incoming, outgoing) => {
      const { host } = incoming.headers;
      outgoing.end(String(incoming.headers[":authority"] ?? host));
    };
    await onCarrier(carrier, serve, async ({ ask }, peer) => {
      expect(await (await ask("/")).text()).toBe(`127.0.0.1:${peer.port}`);
      for (const name of ["host", "Host"]) {
        const response = await ask("/", { headers: { [name]: "other.example" } });
        expect(await response.text()).toBe("other.example");
      }
    });
  });

  test("sends path, query and methods as they are, and no fragment", async () => {
    const serve: Serve = (incoming, outgoing) => outgoing.end(`${incoming.method} ${incoming.url}`);
    await onCarrier(carrier, serve, async ({ ask }) => {
      for (const path of ["/a%20b?c=%0d%0ad", "//other.example/", "/a//b/"]) {
        expect(await (await ask(path, { method: "PROPFIND" })).text()).toBe(`PROPFIND ${path}`);
      }
      expect(await (await ask("/a#b")).text()).toBe("GET /a");
      expect(await (await ask("/a\\b")).text()).toBe("GET /a/b");
    });
  });
});
