import { connectRaw, withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { exchangeSource } from "../exchange-harness.ts";
import { expectRefused, hostileListener, request, smuggled, statuses } from "./hostile-listener.ts";

const get = "GET /attack HTTP/1.1";
const head = (...fields: string[]) => request(get, ["Host: a", ...fields]);

describe("a head that is not one is refused, and nothing behind it is served", () => {
  test.each([
    ["a folded line (RFC 9112, 5.2)", head("A: b", " c")],
    ["a folded first line (RFC 9112, 5.2)", request(get, [" Host: a", "Host: a"])],
    ["a bare LF behind the request line (RFC 9112, 2.2)", `${get}\nHost: a\r\n\r\n`],
    ["a bare LF behind a field (RFC 9112, 2.2)", `${get}\r\nHost: a\nA: b\r\n\r\n`],
    ["bare LFs all over (RFC 9112, 2.2)", `${get}\nHost: a\n\n`],
    ["a bare CR in the target (RFC 9112, 2.2)", request("GET /a\rb HTTP/1.1")],
    ["a bare CR in a value (RFC 9112, 2.2)", head("A: b\rc")],
    ["a bare CR for a line end (RFC 9112, 2.2)", `${get}\rHost: a\r\r`],
    ["a space before the colon (RFC 9112, 5.1)", head("A : b")],
    ["a space in a name (RFC 9110, 5.1)", head("A b: c")],
    ["no colon (RFC 9112, 5)", head("nonsense")],
    ["no name (RFC 9110, 5.1)", head(": b")],
    ["a NUL in a value (RFC 9110, 5.5)", head("A: b\0c")],
    ["a NUL in a name (RFC 9110, 5.1)", head("A\0: b")],
    ["a control character in a value (RFC 9110, 5.5)", head("A: b\x01c")],
    ["a DEL in a value (RFC 9110, 5.5)", head("A: b\x7fc")],
    ["a control character in a name (RFC 9110, 5.1)", head("A\x01: b")],
    ["brackets in a name (RFC 9110, 5.6.2)", head("A(b): c")],
    ["a name beyond ASCII (RFC 9110, 5.6.2)", head("\xe4: c")],
    ["a NUL in the target (RFC 9112, 3.2)", request("GET /a\0b HTTP/1.1")],
    ["a space in the target (RFC 9112, 3.2)", request("GET /a b HTTP/1.1")],
    ["a fragment in the target (RFC 9112, 3.2)", request("GET /a#b HTTP/1.1")],
    ["a target that is a word (RFC 9112, 3.2)", request("GET attack HTTP/1.1")],
    ["an asterisk for a GET (RFC 9112, 3.2.4)", request("GET * HTTP/1.1")],
    ["no target (RFC 9112, 3)", request("GET HTTP/1.1")],
    ["a tab in the request line (RFC 9112, 3)", request("GET\t/attack HTTP/1.1")],
    ["a method in lower case (RFC 9110, 9.1)", request("get /attack HTTP/1.1")],
    ["a method that is none (RFC 9110, 9.1)", request("G@T /attack HTTP/1.1")],
    ["a method that nobody knows (RFC 9110, 9.1)", request("STEAL /attack HTTP/1.1")],
    ["a method without end (RFC 9110, 9.1)", request(`${"G".repeat(10_000)} /attack HTTP/1.1`)],
    ["a version that is none (RFC 9112, 2.3)", request("GET /attack HTTP/1.1x")],
    ["a version in lower case (RFC 9112, 2.3)", request("GET /attack http/1.1")],
    ["another protocol (RFC 9112, 2.3)", request("GET /attack ICE/1.0")],
    ["a version of two digits (RFC 9112, 2.3)", request("GET /attack HTTP/1.10")],
    [
      "HTTP/1.2, which node's parser does not know (RFC 9110, 2.5)",
      request("GET /attack HTTP/1.2"),
    ],
    [
      "HTTP/3.0, which node's parser does not know (RFC 9110, 2.5)",
      request("GET /attack HTTP/3.0"),
    ],
    ["no host (RFC 9112, 3.2)", request(get, ["A: b"])],
    ["two hosts (RFC 9112, 3.2)", request(get, ["Host: a", "Host: b"])],
    ["one host twice (RFC 9112, 3.2)", request(get, ["Host: a", "Host: a"])],
    ["a host with a space (RFC 9112, 3.2)", request(get, ["Host: a b"])],
    ["a host with a user (RFC 9110, 7.2)", request(get, ["Host: user:secret@a"])],
    ["a host with a path (RFC 9110, 7.2)", request(get, ["Host: a/b"])],
    ["a host with a query (RFC 9110, 7.2)", request(get, ["Host: a?b"])],
    ["a host with a port that is none (RFC 9110, 7.2)", request(get, ["Host: a:b"])],
    ["a host with two ports (RFC 9110, 7.2)", request(get, ["Host: a:1:2"])],
    ["a host with an open bracket (RFC 9110, 7.2)", request(get, ["Host: [::1"])],
    ["a host in markup (RFC 9110, 7.2)", request(get, ["Host: <a>"])],
    [
      "a target with a user (RFC 9110, 4.2.4)",
      request("GET http://user@a/attack HTTP/1.1", ["Host: a"]),
    ],
    ["a target without an authority (RFC 9110, 4.2.1)", request("GET http:///attack HTTP/1.1")],
    ["a target of another scheme (RFC 9112, 3.2.2)", request("GET ftp://a/attack HTTP/1.1")],
  ])("%s", async (_, bytes) => {
    await using place = await hostileListener();
    await expectRefused(place, bytes, 400);
    expect(place.served).toEqual([]);
  });

  test.each([
    ["HTTP/2.0 in a request line (RFC 9113, 3.4)", request("GET /attack HTTP/2.0"), [505]],
    ["HTTP/0.9 (RFC 9110, 15.6.6)", request("GET /attack HTTP/0.9"), [505]],
    ["a request line without a version (RFC 9112, 2.3)", "GET /attack\r\n", [505, 400]],
    [
      "a target beyond the limit (RFC 9112, 3)",
      request(`GET /${"a".repeat(5_000)} HTTP/1.1`),
      [414, 431],
    ],
    ["a field beyond the limit (RFC 6585, 5)", head(`A: ${"b".repeat(5_000)}`), [431]],
    ["a name beyond the limit (RFC 6585, 5)", head(`${"A".repeat(5_000)}: b`), [431]],
    ["fields beyond the limit (RFC 6585, 5)", head(...Array(400).fill("A: bbbbbb")), [431]],
    ["a tunnel (RFC 9110, 9.3.6)", request("CONNECT a:1 HTTP/1.1"), [501]],
  ])("%s", async (_, bytes, allowed) => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(bytes + smuggled).catch(() => undefined);
    await place.neighboursAreServed();
    const text = (await socket.readToEnd()).toString("latin1");
    expect(statuses(text), text).toEqual([expect.toBeOneOf(allowed)]);
    expect(text).toMatch(/^connection: close\r$/im);
    expect(place.served).toEqual([]);
  });
});

describe("a head without end is bounded", () => {
  test.each([
    ["empty lines before a request (RFC 9112, 2.2)", "\r\n"],
    ["header fields", "A: bbbbbbbbbbbbbbbb\r\n"],
  ])("%s", async (_, piece) => {
    await using place = await hostileListener({ headersTimeoutMs: 200 });
    await using socket = await connectRaw({ port: place.port });
    if (piece !== "\r\n") await socket.write(`${get}\r\n`);
    const sending = (async () => {
      for (;;) await socket.write(piece.repeat(100));
    })();
    await expect(withDeadline(sending, "the end")).rejects.toThrow();
    await socket.ended;
    await place.neighboursAreServed();
    expect(place.served).toEqual([]);
  });
});

test("two spaces in a request line are one to node's parser, as RFC 9112, 3 allows", async () => {
  await using place = await hostileListener();
  await using socket = await connectRaw({ port: place.port });
  await socket.write(request("GET  /attack HTTP/1.1"));
  await socket.readUntil("ok");
  expect(place.served).toEqual(["GET /attack"]);
});

test("the authority of an absolute target outdoes Host (RFC 9112, 3.2.2)", async () => {
  await using source = await exchangeSource();
  await using socket = await connectRaw({ port: source.listener.local.port });
  await socket.write(request("GET http://inner.example:81/a?b HTTP/1.1", ["Host: outer.example"]));
  const exchange = await source.next();
  expect([exchange.authority, exchange.path, exchange.query]).toEqual([
    "inner.example:81",
    "/a",
    "b",
  ]);
  exchange.respond(204);
});

test.each(["a", "a:80", "a:", "", "127.0.0.1:1", "[::1]:80", "a.b-c_d~e", "%61", "a,b;c"])(
  "Host %j is one (RFC 3986, 3.2.2)",
  async (host) => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(request(get, [`Host: ${host}`]));
    expect(await socket.readUntil("ok")).toMatch(/^HTTP\/1\.1 200 /);
  },
);
