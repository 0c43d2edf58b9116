import { writeFile } from "node:fs/promises";
import { temporaryFolder } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { fromFetch, listenHttp } from "../../src/index.ts";
import {
  basicAuth,
  bearerAuth,
  compress,
  cors,
  identityOf,
  limitBody,
  type Middleware,
  matchUsers,
  rateLimit,
  securityHeaders,
  serveFiles,
  stack,
} from "../../src/middleware/index.ts";

const every = (): Record<string, [Middleware, Record<string, string>]> => ({
  compress: [compress({ minBytes: 0 }), { "content-encoding": "gzip" }],
  cors: [
    cors({ origins: ["https://a.example"] }),
    { "access-control-allow-origin": "https://a.example" },
  ],
  limitBody: [limitBody({ maxBytes: 100 }), {}],
  rateLimit: [rateLimit({ limit: 1 }), { "ratelimit-policy": '"default";q=1;w=60' }],
  securityHeaders: [securityHeaders(), { "x-content-type-options": "nosniff" }],
  bearerAuth: [bearerAuth({ verify: (token) => token }), { "x-identity": "secret" }],
});
const headers = {
  "accept-encoding": "gzip",
  "content-type": "text/plain",
  origin: "https://a.example",
  authorization: "Bearer secret",
};

async function answered(handler: Parameters<typeof fromFetch>[0], init: RequestInit) {
  const errors: unknown[] = [];
  await using listener = await listenHttp({
    handler: fromFetch(handler, { lazyRequest: true }),
    onHandlerError: (error) => errors.push(error),
  });
  const response = await fetch(`http://127.0.0.1:${listener.local.port}/a.txt`, init);
  const text = await response.text();
  listener.abort();
  expect(errors).toEqual([]);
  return { status: response.status, headers: Object.fromEntries(response.headers), text };
}

async function echo(request: Request): Promise<Response> {
  const said = `${request.method} ${new URL(request.url).pathname} ${await request.text()}`;
  const fields = { "content-type": "text/plain", "x-identity": String(identityOf(request)) };
  return new Response(said, { headers: fields });
}

describe("with lazy requests", () => {
  test.each(Object.entries(every()))(
    "%s works, with a body and without",
    async (_, [each, fields]) => {
      const handler = stack(each)(echo);
      for (const [method, body] of [
        ["POST", "hello"],
        ["DELETE", undefined],
      ]) {
        const init = { method, headers, ...(body === undefined ? {} : { body }) } as RequestInit;
        const answer = await answered(handler, init);
        const isSecond = "ratelimit-policy" in fields && method === "DELETE";
        if (isSecond) expect(answer.status).toBe(429);
        else
          expect(answer).toMatchObject({
            status: 200,
            headers: fields,
            text: `${method} /a.txt ${body ?? ""}`,
          });
      }
    },
  );

  test("all of them together do", async () => {
    const all = every();
    const handler = stack(...Object.values(all).map(([each]) => each));
    const init = { method: "POST", headers, body: "hello" };
    const whole = await answered(handler(echo), init);
    const fields = Object.assign({}, ...Object.values(all).map(([, each]) => each));
    expect(whole).toMatchObject({ status: 200, text: "POST /a.txt hello", headers: fields });
    const users = basicAuth({ verify: matchUsers({ ada: "x" }) });
    const basic = { ...headers, authorization: `Basic ${btoa("ada:x")}` };
    const answer = await answered(stack(users, limitBody(), compress())(echo), {
      ...init,
      headers: basic,
    });
    expect([answer.text, answer.headers["x-identity"]]).toEqual(["POST /a.txt hello", "ada"]);
  });

  test("serveFiles serves, and limitBody refuses", async () => {
    await using folder = await temporaryFolder();
    await writeFile(folder.join("a.txt"), "text");
    expect((await answered(serveFiles({ root: folder.path }), {})).text).toBe("text");
    const init = { method: "POST", body: "x".repeat(101) };
    expect((await answered(limitBody({ maxBytes: 100 })(echo), init)).status).toBe(413);
    const parts = ReadableStream.from(
      ["x".repeat(60), "x".repeat(60)].map((each) => Buffer.from(each)),
    );
    const streamed = { method: "POST", body: parts, duplex: "half" } as unknown as RequestInit;
    expect((await answered(limitBody({ maxBytes: 100 })(echo), streamed)).status).toBe(413);
  });
});
