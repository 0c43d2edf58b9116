import { describe, expect, test } from "vitest";
import { type SecurityHeadersOptions, securityHeaders } from "../../src/middleware/index.ts";

async function ask(
  options?: SecurityHeadersOptions,
  url = "https://a/",
  headers: Record<string, string> = {},
) {
  const handler = securityHeaders(options)(() => new Response(null, { status: 204, headers }));
  return Object.fromEntries((await handler(new Request(url))).headers);
}

describe("securityHeaders", () => {
  test("adds a conservative set, and takes X-Powered-By off", async () => {
    expect(await ask({}, "https://a/", { "x-powered-by": "Express" })).toEqual({
      "content-security-policy":
        "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "strict-transport-security": "max-age=31536000",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
  });

  test("asks for https on https alone", async () => {
    expect(await ask({}, "http://a/")).not.toHaveProperty("strict-transport-security");
    expect(await ask({ hstsSeconds: 0 })).not.toHaveProperty("strict-transport-security");
    expect(await ask({ hstsSeconds: 60, hstsSubdomains: true })).toMatchObject({
      "strict-transport-security": "max-age=60; includeSubDomains",
    });
  });

  test("is as its options say", async () => {
    const fields = await ask({
      contentSecurityPolicy: "frame-ancestors 'self'",
      referrerPolicy: "same-origin",
      openerPolicy: "unsafe-none",
      resourcePolicy: "cross-origin",
    });
    expect(fields).toMatchObject({
      "content-security-policy": "frame-ancestors 'self'",
      "x-frame-options": "SAMEORIGIN",
      "referrer-policy": "same-origin",
      "cross-origin-opener-policy": "unsafe-none",
      "cross-origin-resource-policy": "cross-origin",
    });
    const none = await ask({ contentSecurityPolicy: false });
    expect(none).not.toHaveProperty("content-security-policy");
    expect(none).not.toHaveProperty("x-frame-options");
  });

  test("leaves what the handler says itself", async () => {
    const own = { "content-security-policy": "default-src 'none'", "referrer-policy": "origin" };
    expect(await ask({}, "https://a/", own)).toMatchObject(own);
  });

  test.each<[string, object]>([
    ["contentSecurityPolicy", { contentSecurityPolicy: "a\r\nb" }],
    ["contentSecurityPolicy", { contentSecurityPolicy: "" }],
    ["hstsSeconds", { hstsSeconds: -1 }],
    ["referrerPolicy", { referrerPolicy: "unsafe-url" }],
    ["hsts", { hsts: true }],
  ])("refuses %s of %j", (option, options) => {
    expect(() => securityHeaders(options as SecurityHeadersOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });
});
