import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { carriers, onCarrier, type Serve } from "./carriers.ts";

const quickBrotli = (bytes: Uint8Array) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });

const text = "the same again and again, ".repeat(400);
const coders: Record<string, (bytes: Uint8Array) => Uint8Array> = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

/** A server that answers with the bytes and the coding it is told. */
const saying =
  (coding: string | undefined, bytes: Uint8Array): Serve =>
  (_, outgoing) => {
    outgoing.writeHead(200, {
      "content-length": String(bytes.length),
      ...(coding === undefined ? {} : { "content-encoding": coding }),
    });
    outgoing.end(bytes);
  };

const coded = (...codings: string[]): Uint8Array =>
  codings.reduce<Uint8Array>(
    (bytes, coding) => coders[coding]?.(bytes) ?? bytes,
    Buffer.from(text),
  );

const decompress = true;

/** Little that becomes 16 MiB. */
const bombs: Record<string, Uint8Array> = Object.fromEntries(
  Object.entries({ gzip: gzipSync, br: quickBrotli, zstd: zstdCompressSync }).map(
    ([coding, compress]) => [coding, compress(Buffer.alloc(16_777_216))],
  ),
);

// One of each protocol and kind: what is undone is the same for all.
const some = carriers.filter(({ by, tls }) => by !== "request" && !tls);

describe.each(some)("$name", (carrier) => {
  test.each([
    ["gzip", ["gzip"]],
    ["x-gzip", ["x-gzip"]],
    ["br", ["br"]],
    ["zstd", ["zstd"]],
    ["GZIP", ["gzip"]],
    ["gzip, br", ["gzip", "br"]],
    ["identity, zstd", ["zstd"]],
  ])("undoes %s, whatever the body is read as", async (coding, applied) => {
    const bytes = coded(...applied);
    await onCarrier(carrier, saying(coding, bytes), async ({ ask }) => {
      const response = await ask("/", { decompress });
      expect(response.headers.get("content-encoding")).toBe(coding);
      expect(response.headers.get("content-length")).toBe(String(bytes.length));
      expect(await response.text()).toBe(text);
      const fetched = (await ask("/", { decompress })).toFetch();
      expect(fetched.headers.get("content-encoding")).toBe(null);
      expect(fetched.headers.get("content-length")).toBe(null);
      expect(await fetched.text()).toBe(text);
      let length = 0;
      for await (const chunk of await ask("/", { decompress })) length += chunk.length;
      expect(length).toBe(text.length);
      expect(await new Response((await ask("/", { decompress })).body).text()).toBe(text);
    });
  });

  test.each(["gzip", "br, zstd"])(
    "takes nothing at all for nothing coded as %s",
    async (coding) => {
      await onCarrier(carrier, saying(coding, new Uint8Array()), async ({ ask }) => {
        expect(await (await ask("/", { decompress })).text()).toBe("");
      });
    },
  );

  test("leaves a body alone that has no coding, and every body unless asked", async () => {
    await onCarrier(carrier, saying(undefined, Buffer.from(text)), async ({ ask }) => {
      expect(await (await ask("/", { decompress })).text()).toBe(text);
    });
    const bytes = coded("gzip");
    await onCarrier(carrier, saying("gzip", bytes), async ({ ask }) => {
      expect(Buffer.from(await (await ask("/")).bytes())).toEqual(bytes);
      const { headers } = (await ask("/")).toFetch();
      expect(headers.get("content-encoding")).toBe("gzip");
    });
  });

  test("asks for codings only with decompress, and never in place of the caller", async () => {
    const told: Serve = (incoming, outgoing) => {
      outgoing.end(String(incoming.headers["accept-encoding"]));
    };
    await onCarrier(carrier, told, async ({ ask }) => {
      expect(await (await ask("/")).text()).toBe("undefined");
      expect(await (await ask("/", { decompress })).text()).toBe("gzip, br, zstd");
      const headers = { "Accept-Encoding": "br;q=0.5" };
      expect(await (await ask("/", { decompress, headers })).text()).toBe("br;q=0.5");
    });
  });

  test.each([
    ["is cut short", "gzip", () => coded("gzip").subarray(0, 30)],
    ["is cut short", "br", () => coded("br").subarray(0, 10)],
    ["is cut short", "zstd", () => coded("zstd").subarray(0, 20)],
    ["is none of it", "gzip", () => Buffer.from("plain text")],
    ["is none of it", "br", () => Buffer.alloc(100, 0xff)],
    ["is none of it", "zstd", () => Buffer.from("plain text")],
    ["is of a coding that nobody knows", "deflate", () => coded("gzip")],
    ["is coded thrice", "gzip, gzip, gzip", () => coded("gzip", "gzip", "gzip")],
  ])("refuses a body that %s: %s (KING_HTTP_CONTENT_CODING)", async (_, coding, bytes) => {
    await onCarrier(carrier, saying(coding, bytes()), async ({ ask }) => {
      const failed = { code: "KING_HTTP_CONTENT_CODING", category: "protocol" };
      await expect((await ask("/", { decompress })).bytes()).rejects.toMatchObject(failed);
      const iterated = (async () => {
        for await (const _chunk of await ask("/", { decompress }));
      })();
      await expect(iterated).rejects.toMatchObject(failed);
    });
  });

  test.each(["gzip", "br", "zstd"])(
    "stops at maxBodyBytes what a little %s would become (KING_HTTP_BODY_LIMIT)",
    async (coding) => {
      const bytes = bombs[coding] as Uint8Array;
      expect(bytes.length).toBeLessThan(100_000);
      await onCarrier(carrier, saying(coding, bytes), async ({ ask }) => {
        const response = await ask("/", { decompress, maxBodyBytes: 1_000_000 });
        let most = 0;
        const read = (async () => {
          let length = 0;
          for await (const chunk of response) {
            length += chunk.length;
            most = Math.max(most, length);
          }
        })();
        await expect(read).rejects.toMatchObject({
          code: "KING_HTTP_BODY_LIMIT",
          details: { limitBytes: 1_000_000 },
        });
        expect(most).toBeLessThanOrEqual(1_000_000);
        const whole = await ask("/", { decompress });
        await expect(whole.bytes({ limit: 1_000_000 })).rejects.toMatchObject({
          code: "KING_HTTP_BODY_LIMIT",
        });
      });
    },
  );

  test.each([
    ["HEAD", 200],
    ["GET", 204],
    ["GET", 304],
  ])("finds nothing to undo in an answer to %s with %i", async (method, status) => {
    const serve: Serve = (_, outgoing) => {
      outgoing.writeHead(status, { "content-encoding": "gzip" }).end();
    };
    await onCarrier(carrier, serve, async ({ ask }) => {
      expect(await (await ask("/", { method, decompress })).text()).toBe("");
    });
  });
});
