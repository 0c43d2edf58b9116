import { brotliDecompressSync, createGunzip, gunzipSync, zstdDecompressSync } from "node:zlib";
import { recorder, withDeadline } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { negotiateCoding } from "../../src/middleware/accept-encoding.ts";
import { type CompressOptions, compress } from "../../src/middleware/index.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 500);
const text = "King for TypeScript. ".repeat(500);

async function ask(
  response: Response | (() => Response),
  acceptEncoding: string | null = "gzip",
  options: CompressOptions = {},
  method = "GET",
) {
  const handler = compress(options)(() => (typeof response === "function" ? response() : response));
  const headers: Record<string, string> =
    acceptEncoding === null ? {} : { "accept-encoding": acceptEncoding };
  return handler(new Request("http://a/", { method, headers }));
}

const page = (headers: Record<string, string> = {}, init: ResponseInit = {}) =>
  new Response(text, { ...init, headers: { "content-type": "text/plain", ...headers } });

async function* later(parts: readonly string[]) {
  for (const part of parts) {
    yield new TextEncoder().encode(part);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
}

describe("compress", () => {
  test.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
    ["zstd", zstdDecompressSync],
  ] as const)("sends %s to a client that takes it", async (coding, decode) => {
    const response = await ask(
      page({ etag: '"a"', "accept-ranges": "bytes", "content-length": String(text.length) }),
      coding,
    );
    const { headers } = response;
    expect(headers.get("content-encoding")).toBe(coding);
    expect(headers.get("vary")).toBe("accept-encoding");
    expect(headers.get("etag")).toBe('W/"a"');
    expect([headers.has("content-length"), headers.has("accept-ranges")]).toEqual([false, false]);
    const body = Buffer.from(await response.arrayBuffer());
    expect(body.length).toBeLessThan(text.length / 10);
    expect(decode(body).toString()).toBe(text);
  });

  test.each<[string, string | null, string | null]>([
    ["without the field", null, null],
    ["with an empty field", "", null],
    ["by weight", "br;q=0.2, gzip;q=0.9, zstd;q=0", "gzip"],
    ["by its own order among equals", "gzip, br, zstd", "zstd"],
    ["for any", "*", "zstd"],
    ["for any but", "zstd;q=0, *;q=0.1", "br"],
    ["with identity above", "gzip;q=0.5, identity;q=0.8", null],
    ["with identity below", "gzip;q=0.8, identity;q=0.5", "gzip"],
    ["with a name of old", "x-gzip", "gzip"],
    ["in any case, with spaces", "GZIP ; Q=1.000", "gzip"],
    ["but not what is none", "gzip;q=2, br;x=1, ;q=1, zstd;q=0.1234", null],
    ["but not what it does not have", "deflate, compress", null],
    ["nothing, for nothing is acceptable", "*;q=0", null],
  ])("chooses %s: %j", async (_, field, coding) => {
    const response = await ask(page(), field);
    expect(response.headers.get("content-encoding")).toBe(coding);
    expect(response.headers.get("vary")).toBe("accept-encoding");
  });

  test.each<[string, () => Response]>([
    ["a type that does not compress", () => page({ "content-type": "image/png" })],
    ["no type", () => new Response(new Uint8Array(5_000))],
    ["a body that is encoded", () => page({ "content-encoding": "br" })],
    ["a part", () => page({}, { status: 206 })],
    ["what says that it is a part", () => page({ "content-range": "bytes 0-1/2" })],
    ["204", () => new Response(null, { status: 204, headers: { "content-type": "text/plain" } })],
    ["no-transform", () => page({ "cache-control": "public, No-Transform" })],
  ])("leaves alone %s", async (_, make) => {
    const given = make();
    const response = await ask(given);
    expect(response).toBe(given);
  });

  test.each([
    ["with its length", { "content-length": "5" }],
    ["without", {}],
  ])("does not touch a small body %s, unless it must", async (_, fields) => {
    const small = () =>
      new Response("small", { headers: { "content-type": "text/plain", ...fields } });
    const response = await ask(small(), "gzip");
    expect(response.headers.get("content-encoding")).toBe(null);
    expect(response.headers.get("vary")).toBe("accept-encoding");
    expect(await response.text()).toBe("small");
    const forced = await ask(small(), "gzip, identity;q=0");
    expect(gunzipSync(Buffer.from(await forced.arrayBuffer())).toString()).toBe("small");
    const lower = await ask(small(), "gzip", { minBytes: 5 });
    expect(lower.headers.get("content-encoding")).toBe("gzip");
    await lower.body?.cancel();
  });

  test("adds to Vary only what is missing, and does not change the handler's response", async () => {
    const given = page({ vary: "Origin, Accept-Encoding" });
    const response = await ask(given);
    expect(response.headers.get("vary")).toBe("Origin, Accept-Encoding");
    expect(given.headers.has("content-encoding")).toBe(false);
    expect((await ask(page({ vary: "*" }))).headers.get("vary")).toBe("*");
  });

  test("answers HEAD as its GET would be, without a body", async () => {
    const head = () =>
      new Response(null, { headers: { "content-type": "text/css", "content-length": "9000" } });
    const response = await ask(head(), "gzip", {}, "HEAD");
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(response.headers.has("content-length")).toBe(false);
    expect(response.body).toBe(null);
  });

  test("tells a 304 for a compressed variant from others", async () => {
    const response = await ask(new Response(null, { status: 304, headers: { etag: '"a"' } }));
    expect(response.headers.get("vary")).toBe("accept-encoding");
    expect(response.headers.get("etag")).toBe('W/"a"');
  });

  test.each<[string, Record<string, string>, string | undefined, string, boolean]>([
    ["is weak where the client has it weak", {}, 'W/"a"', 'W/"a"', true],
    ["is weak where the client has both", {}, '"a", W/"a"', 'W/"a"', true],
    ["is left where the client has it strong", {}, '"a"', '"a"', false],
    [
      "is left where its type is not eligible",
      { "content-type": "image/png" },
      'W/"a"',
      '"a"',
      false,
    ],
    ["is weak where its type is eligible", { "content-type": "text/plain" }, '"a"', 'W/"a"', true],
    [
      "is left where it is not to be transformed",
      { "content-type": "text/plain", "cache-control": "no-transform" },
      undefined,
      '"a"',
      false,
    ],
  ])("the tag of a 304 %s", async (_, fields, known, etag, varies) => {
    const given = new Response(null, { status: 304, headers: { etag: '"a"', ...fields } });
    const headers: Record<string, string> = { "accept-encoding": "gzip" };
    if (known !== undefined) headers["if-none-match"] = known;
    const { headers: sent } = await compress()(() => given)(new Request("http://a/", { headers }));
    expect([sent.get("etag"), sent.get("vary")]).toEqual([etag, varies ? "accept-encoding" : null]);
  });

  test("a 304 to a client that takes no coding has its tag, and says that there are others", async () => {
    const given = new Response(null, { status: 304, headers: { etag: '"a"' } });
    const request = new Request("http://a/", { headers: { "if-none-match": '"a"' } });
    const { headers } = await compress()(() => given)(request);
    expect([headers.get("etag"), headers.get("vary")]).toEqual(['"a"', "accept-encoding"]);
  });

  test("takes off digests of the bytes before, and leaves them on what is not compressed", async () => {
    const digests = {
      "content-digest": "sha-256=:YQ==:",
      "repr-digest": "sha-256=:YQ==:",
      digest: "x",
      "content-md5": "y",
    };
    for (const [coding, expected] of [
      ["gzip", [null, null, null, null]],
      [null, Object.values(digests)],
    ] as const) {
      const { headers } = await ask(page(digests), coding);
      expect(Object.keys(digests).map((name) => headers.get(name))).toEqual(expected);
    }
  });

  test("hands out each event of a stream before the next is made", async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    async function* events() {
      yield new TextEncoder().encode("data: 1\n\n");
      await gates[0]?.promise;
      yield new TextEncoder().encode("data: 2\n\n");
      await gates[1]?.promise;
    }
    const response = await ask(
      new Response(ReadableStream.from(events()) as ReadableStream<Uint8Array>, {
        headers: { "content-type": "text/event-stream" },
      }),
    );
    const seen = recorder<string>();
    const gunzip = createGunzip().on("data", (chunk) => seen.record(String(chunk)));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const read = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        gunzip.write(value);
      }
    })();
    await seen.until((all) => all.join("") === "data: 1\n\n");
    gates[0]?.resolve();
    await seen.until((all) => all.join("") === "data: 1\n\ndata: 2\n\n");
    gates[1]?.resolve();
    await read;
  });

  test("reads no more of the body than is asked for", async () => {
    let made = 0;
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          made += 65_536;
          controller.enqueue(crypto.getRandomValues(new Uint8Array(65_536)));
        },
      },
      { highWaterMark: 0 },
    );
    const response = await ask(new Response(source, { headers: { "content-type": "text/plain" } }));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    for (let turns = 0; turns < 100; turns++) await new Promise((go) => setImmediate(go));
    expect(made).toBeLessThan(1_000_000);
    await reader.cancel();
  });

  test("gives the source up when nobody wants the rest", async () => {
    const cancelled = Promise.withResolvers<unknown>();
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      cancel: cancelled.resolve,
    });
    const response = await ask(new Response(source, { headers: { "content-type": "text/plain" } }));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel("enough");
    expect(await withDeadline(cancelled.promise, "the cancellation")).toBe("enough");
  });

  test("fails with the source", async () => {
    const failure = new Error("no more");
    async function* parts() {
      yield* later(["a".repeat(5_000)]);
      throw failure;
    }
    const response = await ask(
      new Response(ReadableStream.from(parts()) as ReadableStream<Uint8Array>, {
        headers: { "content-type": "text/plain" },
      }),
    );
    await expect(response.arrayBuffer()).rejects.toThrow(failure);
  });

  test("brings back any body, however it comes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 8 }),
        fc.constantFrom("gzip", "br", "zstd"),
        fc.boolean(),
        async (parts, coding, slow) => {
          async function* source() {
            for (const part of parts) {
              if (slow) await new Promise((resolve) => setImmediate(resolve));
              yield part;
            }
          }
          const response = await ask(
            new Response(ReadableStream.from(source()) as ReadableStream<Uint8Array>, {
              headers: { "content-type": "text/plain" },
            }),
            `${coding}, identity;q=0`,
          );
          const decode = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
          const body = decode[coding as "gzip"](Buffer.from(await response.arrayBuffer()));
          expect(body.equals(Buffer.concat(parts))).toBe(true);
        },
      ),
      { numRuns: Math.ceil(numRuns / 5) },
    );
  });

  test("never chooses what the client refuses, whatever the field", () => {
    const coding = fc.constantFrom(
      "gzip",
      "br",
      "zstd",
      "identity",
      "*",
      "deflate",
      "x-gzip",
      "GZIP",
    );
    const weight = fc.constantFrom("", ";q=0", ";q=0.5", ";q=1", ";q=1.5", " ; q=0.001", ";q=");
    const field = fc
      .array(
        fc.oneof(
          fc.tuple(coding, weight).map((each) => each.join("")),
          fc.string(),
        ),
      )
      .map((each) => each.join(","));
    fc.assert(
      fc.property(field, (each) => {
        const { coding } = negotiateCoding(each, ["zstd", "br", "gzip"]);
        if (coding === "identity") return;
        const named = each.toLowerCase().replaceAll("x-gzip", "gzip");
        expect(named.includes(coding) || named.includes("*")).toBe(true);
        const last = [
          ...named.matchAll(
            new RegExp(`(?:^|,)\\s*${coding}(\\s*;\\s*q=([\\d.]+))?\\s*(?=,|$)`, "g"),
          ),
        ].at(-1);
        if (last !== undefined && last[2] !== undefined && /^0(\.0*)?$/.test(last[2])) {
          throw new Error(`chose ${coding}`);
        }
      }),
      { numRuns },
    );
  });

  test.each<[string, object]>([
    ["codings", { codings: ["deflate"] }],
    ["codings", { codings: "gzip" }],
    ["minBytes", { minBytes: -1 }],
    ["compressible", { compressible: /a/ }],
    ["level", { level: 9 }],
  ])("refuses %s of %j", (option, options) => {
    expect(() => compress(options as CompressOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });
});
