import { withDeadline } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import {
  basicAuth,
  identityOf,
  type LimitBodyOptions,
  limitBody,
  stack,
} from "../../src/middleware/index.ts";

async function* parts(count: number) {
  for (let at = 0; at < count; at++) yield new Uint8Array(10);
}

const post = (body: string | AsyncIterable<Uint8Array>, headers: Record<string, string> = {}) =>
  new Request("http://a/", {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : ReadableStream.from(body),
    duplex: "half",
  } as RequestInit);

describe("limitBody", () => {
  test("hands on bodies up to the limit, whole", async () => {
    const handler = limitBody({ maxBytes: 50 })(
      async (request) => new Response(String((await request.arrayBuffer()).byteLength)),
    );
    expect(await (await handler(post(parts(5)))).text()).toBe("50");
    expect(await (await handler(post("abc", { "content-length": "3" }))).text()).toBe("3");
    expect(await (await handler(new Request("http://a/"))).text()).toBe("0");
  });

  test("refuses a larger one by its length, before the handler is asked", async () => {
    let asked = 0;
    const handler = limitBody({ maxBytes: 2 })(() => new Response(String(++asked)));
    const response = await handler(post("abc", { "content-length": "3" }));
    expect([response.status, asked]).toEqual([413, 0]);
    expect(await response.json()).toMatchObject({ status: 413 });
  });

  test("refuses a larger one once it has come, and gives the rest up", async () => {
    const cancelled = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield new Uint8Array(10);
      } finally {
        cancelled.resolve();
      }
    }
    const handler = limitBody({ maxBytes: 50 })(
      async (request) => new Response(await request.text()),
    );
    expect((await handler(post(endless()))).status).toBe(413);
    await withDeadline(cancelled.promise, "the cancellation");
  });

  test("shows the handler an error with a code, and sends what it answers", async () => {
    const handler = limitBody({ maxBytes: 5 })(async (request) => {
      const error = await request.text().catch((each) => each);
      return new Response(error.code, { status: 422 });
    });
    const response = await handler(post(parts(2)));
    expect([response.status, await response.text()]).toEqual([422, "KING_HTTP_BODY_LIMIT"]);
  });

  test("passes on other failures of the handler, and its further arguments", async () => {
    const failure = new Error("no");
    const fails = limitBody()(() => Promise.reject(failure));
    await expect(fails(post("a"))).rejects.toBe(failure);
    const second = limitBody()((_request: Request, context: { a: number }) =>
      Response.json(context),
    );
    expect(await (await second(post("a"), { a: 7 })).json()).toEqual({ a: 7 });
  });

  test("keeps method, fields, signal and identity of the request", async () => {
    const controller = new AbortController();
    const authorization = `Basic ${btoa("me:x")}`;
    const request = new Request(post("a", { authorization }), { signal: controller.signal });
    const handler = stack(
      basicAuth({ verify: ({ user }) => user }),
      limitBody(),
    )((given: Request) => {
      controller.abort();
      const { method, url, signal, headers } = given;
      return Response.json([
        method,
        url,
        signal.aborted,
        headers.get("authorization"),
        identityOf(given),
      ]);
    });
    const seen = await (await handler(request)).json();
    expect(seen).toEqual(["POST", "http://a/", true, authorization, "me"]);
  });

  test.each<[string, object]>([
    ["maxBytes", { maxBytes: -1 }],
    ["maxBytes", { maxBytes: "1mb" }],
    ["max", { max: 1 }],
  ])("refuses %s of %j", (option, options) => {
    expect(() => limitBody(options as LimitBodyOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });
});
