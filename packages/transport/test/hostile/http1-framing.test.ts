import { connectRaw } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  expectRefused,
  hostileListener,
  post,
  request,
  smuggled,
  statuses,
} from "./hostile-listener.ts";

const chunked = "Transfer-Encoding: chunked";
const chunks = "5\r\nhello\r\n0\r\n\r\n";
const long = "1".repeat(30);

describe("a request whose body could end in two places is refused, and nothing behind it is served", () => {
  test.each([
    ["a length and chunks (RFC 9112, 6.1)", post(["Content-Length: 5", chunked], chunks)],
    ["chunks and a length (RFC 9112, 6.1)", post([chunked, "Content-Length: 5"], chunks)],
    ["a length of 0 and chunks (RFC 9112, 6.1)", post(["Content-Length: 0", chunked], chunks)],
    ["two lengths (RFC 9112, 6.3)", post(["Content-Length: 5", "Content-Length: 6"], "hello!")],
    ["one length twice (RFC 9110, 8.6)", post(["Content-Length: 5", "Content-Length: 5"], "hello")],
    ["a list of equal lengths (RFC 9110, 8.6)", post(["Content-Length: 5, 5"], "hello")],
    ["a length with a sign (RFC 9110, 8.6)", post(["Content-Length: +5"], "hello")],
    ["a negative length (RFC 9110, 8.6)", post(["Content-Length: -5"], "hello")],
    ["a length with a space within (RFC 9110, 8.6)", post(["Content-Length: 5 0"], "hello")],
    ["a length in hexadecimal (RFC 9110, 8.6)", post(["Content-Length: 0x5"], "hello")],
    ["a length that is empty (RFC 9110, 8.6)", post(["Content-Length:"], "")],
    ["a length that is a fraction (RFC 9110, 8.6)", post(["Content-Length: 5.0"], "hello")],
    ["a length beyond 64 bits (RFC 9110, 8.6)", post([`Content-Length: ${long}`], "hello")],
    ["a folded length (RFC 9112, 5.2)", post(["Content-Length: 1", " 5"], "hello")],
    ["a space before the colon (RFC 9112, 5.1)", post(["Transfer-Encoding : chunked"], chunks)],
    [
      "a length with a space before the colon (RFC 9112, 5.1)",
      post(["Content-Length : 5"], "hello"),
    ],
    [
      "a coding that is almost chunked (RFC 9112, 6.3)",
      post(["Transfer-Encoding: xchunked"], chunks),
    ],
    [
      "chunks that are not last (RFC 9112, 6.3)",
      post(["Transfer-Encoding: chunked, identity"], chunks),
    ],
    ["no coding at all (RFC 9112, 6.3)", post(["Transfer-Encoding: identity"], chunks)],
    ["an empty coding (RFC 9112, 6.3)", post(["Transfer-Encoding:"], chunks)],
    ["chunks twice (RFC 9112, 7.1)", post(["Transfer-Encoding: chunked, chunked"], chunks)],
    ["chunks twice, in two lines (RFC 9112, 7.1)", post([chunked, chunked], chunks)],
    [
      "chunks, and gzip in another line (RFC 9112, 6.3)",
      post([chunked, "Transfer-Encoding: gzip"], chunks),
    ],
    ["chunks with a parameter (RFC 9112, 7)", post(["Transfer-Encoding: chunked;a=b"], chunks)],
    ["chunks in quotes (RFC 9112, 7)", post(['Transfer-Encoding: "chunked"'], chunks)],
    [
      "a vertical tab before the coding (RFC 9110, 5.5)",
      post(["Transfer-Encoding: \x0bchunked"], chunks),
    ],
    ["a NUL behind the coding (RFC 9110, 5.5)", post(["Transfer-Encoding: chunked\0"], chunks)],
    ["a folded coding (RFC 9112, 5.2)", post(["Transfer-Encoding:", " chunked"], chunks)],
    [
      "a coding behind a bare CR (RFC 9112, 2.2)",
      post(["A: b\rTransfer-Encoding: chunked"], chunks),
    ],
    [
      "a coding behind a bare LF (RFC 9112, 2.2)",
      post(["A: b\nTransfer-Encoding: chunked"], chunks),
    ],
    [
      "chunks over HTTP/1.0 (RFC 9112, 6.1)",
      request("POST /attack HTTP/1.0", ["Host: a", chunked, "Connection: keep-alive"], chunks),
    ],
  ])("%s", async (_, bytes) => {
    await using place = await hostileListener();
    await expectRefused(place, bytes, 400);
    expect(place.served).toEqual([]);
  });

  test("a coding behind more fields than are looked at: 431 (RFC 6585, 5)", async () => {
    await using place = await hostileListener({ maxHeaderCount: 16, maxHeaderBytes: 32_768 });
    // Node hands fields on in batches of 32, and may leave out what is beyond the limit.
    const many = ["Host: a", "Connection: keep-alive", ...Array(100).fill("A: b")];
    const attack = request("POST /attack HTTP/1.0", [...many, chunked], chunks);
    await expectRefused(place, attack, 431);
    await expectRefused(place, request("POST /attack HTTP/1.1", [...many, "Host: b"]), 431);
    expect(place.served).toEqual([]);
  });

  test("a coding that is not ours to undo: 501 (RFC 9112, 6.1)", async () => {
    await using place = await hostileListener();
    await expectRefused(place, post(["Transfer-Encoding: gzip, chunked"], chunks), 501);
    expect(place.served).toEqual([]);
  });
});

describe("chunks that are not framed as RFC 9112, 7.1 asks end their request and the connection", () => {
  test.each([
    ["a size beyond 64 bits", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
    ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
    ["a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"],
    ["a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["no size", "\r\nhello\r\n0\r\n\r\n"],
    ["a size behind a space", " 5\r\nhello\r\n0\r\n\r\n"],
    ["a size before a space", "5 \r\nhello\r\n0\r\n\r\n"],
    ["a size before a bare LF", "5\nhello\r\n0\r\n\r\n"],
    ["a size before a bare CR", "5\rhello\r\n0\r\n\r\n"],
    ["no line end behind the data", "5\r\nhello0\r\n\r\n"],
    ["a bare LF behind the data", "5\r\nhello\n0\r\n\r\n"],
    ["a bare CR behind the data", "5\r\nhello\r0\r\n\r\n"],
    ["more data than the size", "5\r\nhello!\r\n0\r\n\r\n"],
    ["a last chunk that ends in a bare LF", "5\r\nhello\r\n0\n\n"],
    ["an extension with a bare LF", "5;a=b\nhello\r\n0\r\n\r\n"],
    ["an extension with a NUL", "5;a=\0\r\nhello\r\n0\r\n\r\n"],
    ["an endless extension", `5;${"a".repeat(20_000)}=b\r\nhello\r\n0\r\n\r\n`],
  ])("%s", async (_, body) => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(post([chunked], body) + smuggled).catch(() => undefined);
    await place.neighboursAreServed();
    const text = (await socket.readToEnd()).toString("latin1");
    expect(statuses(text), text).toEqual([expect.toBeOneOf([400, 413])]);
    expect(place.served).toEqual(["POST /attack"]);
    expect(place.errors).toEqual([]);
  });

  test.each([
    ["more trailers than maxHeaderBytes", `0\r\n${"A: bbbbbbbb\r\n".repeat(400)}\r\n`],
    ["one endless trailer", `0\r\nA: ${"b".repeat(5_000)}\r\n\r\n`],
    ["a trailer with a space before its colon", "0\r\nA : b\r\n\r\n"],
    ["a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"],
    ["a trailer without a colon", "0\r\nnonsense\r\n\r\n"],
    ["a trailer with a NUL", "0\r\nA: \0\r\n\r\n"],
  ])("%s", async (_, end) => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(post([chunked], `5\r\nhello\r\n${end}`) + smuggled);
    await place.neighboursAreServed();
    const text = (await socket.readToEnd()).toString("latin1");
    expect(statuses(text), text).toEqual([expect.toBeOneOf([400, 431])]);
    expect(place.served).toEqual(["POST /attack"]);
    expect(place.errors).toEqual([]);
  });

  test.each([
    ["a length", "Content-Length: 100"],
    ["a coding", "Transfer-Encoding: chunked"],
  ])("%s among the trailers (RFC 9110, 6.5.1)", async (_, field) => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(post([chunked], `5\r\nhello\r\n0\r\n${field}\r\n\r\n`) + smuggled);
    await place.neighboursAreServed();
    const text = (await socket.readToEnd()).toString("latin1");
    expect([statuses(text), place.served]).toEqual([[400], ["POST /attack"]]);
  });

  test("but a host among the trailers is a trailer (RFC 9110, 6.5.1)", async () => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(post([chunked], "5\r\nhello\r\n0\r\nHost: b\r\n\r\n") + smuggled);
    expect(statuses(await socket.readUntil(/hello[\s\S]*ok/))).toEqual([200, 200]);
    expect(place.served).toEqual(["POST /attack", "GET /smuggled"]);
  });
});

describe("what looks odd and is allowed is framed as the RFC says", () => {
  test.each([
    ["a tab before the coding (RFC 9110, 5.6.3)", post(["Transfer-Encoding:\tchunked"], chunks)],
    ["a coding in another case (RFC 9112, 7)", post(["TRANSFER-encoding: ChUnKeD"], chunks)],
    ["leading zeros of a length (RFC 9110, 8.6)", post(["Content-Length: 0005"], "hello")],
    ["leading zeros of a size (RFC 9112, 7.1)", post([chunked], "00005\r\nhello\r\n0\r\n\r\n")],
    ["an extension (RFC 9112, 7.1.1)", post([chunked], '5;a="b;c"\r\nhello\r\n0;d\r\n\r\n')],
    ["empty lines before a request (RFC 9112, 2.2)", `\r\n\r\n${post([chunked], chunks)}`],
    ["spaces round a length (RFC 9110, 5.5)", post(["Content-Length:   5\t "], "hello")],
  ])("%s", async (_, bytes) => {
    await using place = await hostileListener();
    await using socket = await connectRaw({ port: place.port });
    await socket.write(bytes + smuggled);
    const text = await socket.readUntil(/hello[\s\S]*ok/);
    expect(statuses(text)).toEqual([200, 200]);
    expect(place.served).toEqual(["POST /attack", "GET /smuggled"]);
    await place.neighboursAreServed();
  });
});
