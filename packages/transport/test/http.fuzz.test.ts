import { connectRaw, withDeadline } from "@king-runtime/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { listenHttp } from "../src/index.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);

/** A request, or what an attacker makes of one. */
const field = fc.oneof(
  fc.constantFrom(
    "Host: a",
    "Content-Length: 3",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
  ),
  fc.constantFrom("Connection: Upgrade", "Upgrade: websocket", "Connection: close", "Host: b"),
  fc.string().map((text) => `X: ${text}`),
  fc.string(),
);
const bytes = fc
  .tuple(
    fc.constantFrom("GET / HTTP/1.1", "POST /a HTTP/1.1", "HEAD / HTTP/1.0", "PRI * HTTP/2.0", "X"),
    fc.array(field, { maxLength: 6 }),
    fc.oneof(fc.constantFrom("", "abc", "3\r\nabc\r\n0\r\n\r\n"), fc.string()),
  )
  .map(([line, fields, body]) => `${[line, ...fields].join("\r\n")}\r\n\r\n${body}`);
const requests = fc.array(bytes, { minLength: 1, maxLength: 3 }).map((each) => each.join(""));

test("whatever bytes come, in whatever pieces, the listener answers or ends, and serves on", async () => {
  const errors: unknown[] = [];
  await using listener = await listenHttp({
    headersTimeoutMs: 200,
    bodyIdleTimeoutMs: 100,
    keepAliveTimeoutMs: 100,
    async handler(exchange) {
      await new Promise((resolve) => setImmediate(resolve)); // so that requests meet
      if (exchange.method === "POST") exchange.respond(200, {}, await exchange.bytes());
      else exchange.respond(200, {}, "ok");
    },
    onHandlerError: (error) => errors.push(error),
  });
  const { port } = listener.local;
  await fc.assert(
    fc.asyncProperty(requests, fc.nat(100), async (text, cut) => {
      await using socket = await connectRaw({ port });
      await socket.write(text.slice(0, cut)).catch(() => undefined);
      await socket.write(text.slice(cut)).catch(() => undefined);
      socket.halfClose();
      await withDeadline(socket.ended, "the end of the connection");
    }),
    { numRuns },
  );
  expect(errors).toEqual([]);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  expect(await response.text()).toBe("ok");
}, 60_000);
