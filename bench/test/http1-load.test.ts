import { expect, test } from "vitest";
import { responseEnd } from "../src/harness/http1-load.ts";

const response = (head: string, body: string) => Buffer.from(`HTTP/1.1 ${head}\r\n\r\n${body}`);

test("a response with a length ends after its body", () => {
  const bytes = response("200 OK\r\nContent-Length: 5", "hello");
  expect(responseEnd(bytes, 5)).toBe(bytes.length);
  for (let cut = 0; cut < bytes.length; cut++)
    expect(responseEnd(bytes.subarray(0, cut), 5)).toBeUndefined();
});

test("a chunked response ends after its last chunk", () => {
  const bytes = response(
    "200 OK\r\ntransfer-encoding: chunked",
    "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
  );
  expect(responseEnd(bytes, 5)).toBe(bytes.length);
  for (let cut = 0; cut < bytes.length; cut++)
    expect(responseEnd(bytes.subarray(0, cut), 5)).toBeUndefined();
});

test("a wrong answer fails the run instead of counting as a fast one", () => {
  expect(() => responseEnd(response("404 Not Found\r\ncontent-length: 0", ""), 5)).toThrow(/404/);
  expect(() => responseEnd(response("200 OK\r\ncontent-length: 4", "hell"), 5)).toThrow(/got 4/);
  const chunked = response("200 OK\r\ntransfer-encoding: chunked", "1\r\nh\r\n0\r\n\r\n");
  expect(() => responseEnd(chunked, 5)).toThrow(/got 1/);
  expect(() => responseEnd(response("200 OK", "hello"), 5)).toThrow(/no length/);
});
