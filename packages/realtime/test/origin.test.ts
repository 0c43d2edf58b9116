import { headerView } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import { isOriginAllowed } from "../src/index.ts";

const endpoint = { authority: "app.example", scheme: "http" };

function ask(
  origin: string | undefined,
  { authority, scheme }: typeof endpoint,
  allowed?: readonly string[],
): boolean {
  const headers = headerView(origin === undefined ? [] : ["origin", origin]);
  return isOriginAllowed({ headers, authority, scheme }, allowed);
}

describe("without a list", () => {
  test.each([
    ["a client that is no browser", undefined, endpoint, true],
    ["the same origin", "http://app.example", endpoint, true],
    ["the same origin in other letters", "http://APP.Example", endpoint, true],
    ["the same origin behind a proxy that ends TLS", "https://app.example", endpoint, true],
    [
      "the endpoint's name in other letters",
      "http://app.example",
      { ...endpoint, authority: "APP.example" },
      true,
    ],
    ["another host", "http://evil.example", endpoint, false],
    ["a host that begins alike", "http://app.example.evil.example", endpoint, false],
    ["another port", "http://app.example:8080", endpoint, false],
    ["an opaque origin", "null", endpoint, false],
    ["no URL", "app.example", endpoint, false],
    ["an origin with a path", "http://app.example/page", endpoint, false],
    ["an origin with a user", "http://x@app.example", endpoint, false],
    ["a file", "file://app.example", endpoint, false],
    ["the empty origin", "", endpoint, false],
    ["an explicit default port", "http://app.example:80", endpoint, true],
    [
      "the endpoint's explicit default port",
      "https://app.example",
      { authority: "app.example:443", scheme: "https" },
      true,
    ],
    [
      "an insecure page to a secure endpoint",
      "http://app.example",
      { ...endpoint, scheme: "https" },
      false,
    ],
    ["IPv6", "http://[::1]:80", { authority: "[::1]", scheme: "http" }, true],
    ["an endpoint without a name", "http://app.example", { authority: "", scheme: "http" }, false],
  ])("%s: %s", (_, origin, facts, expected) => {
    expect(ask(origin, facts)).toBe(expected);
  });
});

describe("with a list", () => {
  test.each([
    ["https://other.example", ["https://other.example"], true],
    ["https://other.example", ["https://Other.Example/"], true],
    ["http://other.example", ["https://other.example"], false],
    ["https://a.other.example", ["https://*.other.example"], true],
    ["https://a.b.other.example", ["https://*.other.example"], false],
    ["https://other.example", ["https://*.other.example"], false],
    ["https://.other.example", ["https://*.other.example"], false],
    ["https://evil.example/.other.example", ["https://*.other.example"], false],
    ["https://evil.example#.other.example", ["https://*.other.example"], false],
    ["https://anything.example", ["*"], true],
    ["null", ["null"], true],
    ["http://app.example", ["https://other.example"], true],
  ])("%s with %j: %s", (origin, allowed, expected) => {
    expect(ask(origin, endpoint, allowed)).toBe(expected);
  });
});
