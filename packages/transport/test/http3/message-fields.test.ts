import { describe, expect, test } from "vitest";
import { http3Codes } from "../../src/http3/codes.ts";
import { readRequestHead, readResponseHead, readTrailers } from "../../src/http3/message-fields.ts";

const get = [":method", "GET", ":scheme", "https", ":authority", "a.example", ":path", "/"];
const malformed = expect.objectContaining({ code: http3Codes.messageError });

/** `get` with one pseudo-field changed, or without it. */
function changed(name: string, value: string | undefined): string[] {
  const at = get.indexOf(name);
  const rest = get.toSpliced(at, 2);
  return value === undefined ? rest : [name, value, ...rest];
}

describe("the head of a request (RFC 9114, sections 4.2 to 4.4)", () => {
  test("is read", () => {
    expect(readRequestHead([...get, "content-length", "5", "x", "y"])).toEqual({
      method: "GET",
      scheme: "https",
      authority: "a.example",
      path: "/",
      protocol: undefined,
      fields: ["content-length", "5", "x", "y"],
      contentLength: 5,
    });
  });

  test("of other forms is read too", () => {
    expect(readRequestHead([":method", "CONNECT", ":authority", "a:443"])).toMatchObject({
      method: "CONNECT",
      authority: "a:443",
    });
    const extended = [...changed(":method", "CONNECT"), ":protocol", "websocket"];
    expect(readRequestHead(extended)).toMatchObject({ protocol: "websocket", path: "/" });
    expect(readRequestHead(changed(":path", "/a?b")).path).toBe("/a?b");
    const options = [":method", "OPTIONS", ":scheme", "https", ":authority", "a", ":path", "*"];
    expect(readRequestHead(options).path).toBe("*");
    expect(readRequestHead([...changed(":authority", undefined), "host", "b"]).authority).toBe("b");
    expect(readRequestHead([...get, "te", "trailers"]).fields).toEqual(["te", "trailers"]);
  });

  test.each<[string, string[]]>([
    ["no method", changed(":method", undefined)],
    ["a method that is no token", changed(":method", "GE T")],
    ["no scheme", changed(":scheme", undefined)],
    ["no path", changed(":path", undefined)],
    ["an empty path", changed(":path", "")],
    ["a path without a slash", changed(":path", "a")],
    ["a path with a space", changed(":path", "/a b")],
    ["a path with a fragment", changed(":path", "/a#b")],
    ["an asterisk of another method", changed(":path", "*")],
    ["no authority", changed(":authority", undefined)],
    ["an authority with a user", changed(":authority", "me@a.example")],
    ["a host that differs", [...get, "host", "b.example"]],
    ["two hosts", [...get, "host", "a.example", "host", "a.example"]],
    ["a pseudo-field twice", [...get, ":path", "/"]],
    ["a pseudo-field behind a field", ["x", "y", ...get]],
    ["a pseudo-field that is not known", [":x", "y", ...get]],
    ["one of a response", [":status", "200", ...get]],
    ["a name with capitals", [...get, "X", "y"]],
    ["an empty name", [...get, "", "y"]],
    ["a name that is no token", [...get, "a b", "y"]],
    ["a value with a line break", [...get, "x", "a\r\nb: c"]],
    ["a value with NUL", [...get, "x", "a\0b"]],
    ["a value with a space around", [...get, "x", " a"]],
    ["connection", [...get, "connection", "close"]],
    ["keep-alive", [...get, "keep-alive", "1"]],
    ["proxy-connection", [...get, "proxy-connection", "close"]],
    ["transfer-encoding", [...get, "transfer-encoding", "chunked"]],
    ["upgrade", [...get, "upgrade", "websocket"]],
    ["te of something else", [...get, "te", "gzip"]],
    ["a length that is none", [...get, "content-length", "1x"]],
    ["a negative length", [...get, "content-length", "-1"]],
    ["two lengths", [...get, "content-length", "1", "content-length", "2"]],
    [":protocol without CONNECT", [...get, ":protocol", "websocket"]],
    ["CONNECT with a path", [":method", "CONNECT", ":authority", "a:1", ":path", "/"]],
    ["CONNECT without an authority", [":method", "CONNECT"]],
  ])("with %s is malformed (H3_MESSAGE_ERROR)", (_, section) => {
    expect(() => readRequestHead(section)).toThrow(malformed);
  });
});

describe("the head of a response", () => {
  test("is read", () => {
    const head = { status: 200, fields: ["content-length", "0"], contentLength: 0 };
    expect(readResponseHead([":status", "200", "content-length", "0"])).toEqual(head);
    expect(readResponseHead([":status", "103", "link", "</a>"]).status).toBe(103);
  });

  test.each<[string, string[]]>([
    ["no status", ["x", "y"]],
    ["a status that is none", [":status", "20"]],
    ["a change of protocol", [":status", "101"]],
    ["two of them", [":status", "200", ":status", "200"]],
    ["a pseudo-field of a request", [":status", "200", ":path", "/"]],
    ["connection", [":status", "200", "connection", "close"]],
  ])("with %s is malformed (H3_MESSAGE_ERROR)", (_, section) => {
    expect(() => readResponseHead(section)).toThrow(malformed);
  });
});

test("trailers have no pseudo-fields", () => {
  expect(readTrailers(["sum", "9"])).toEqual(["sum", "9"]);
  expect(() => readTrailers([":status", "200"])).toThrow(malformed);
});
