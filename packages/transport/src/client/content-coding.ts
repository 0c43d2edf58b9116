import { Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createZstdDecompress } from "node:zlib";
import { type HeaderView, KingError } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";

/** What a request that undoes content codings asks for (RFC 9110, section 12.5.3). */
export const acceptEncoding = "gzip, br, zstd";

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

const maxCodings = 2; // each could multiply the work of the next

/**
 * The codings of a response's body, in the order they were applied.
 *
 * @throws {KingError} KING_HTTP_CONTENT_CODING for one that is not known, and for too many.
 */
export function contentCodings(headers: HeaderView): readonly string[] {
  const field = headers.get("content-encoding");
  if (field === undefined) return [];
  const codings = field
    .split(",")
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== "" && each !== "identity");
  const strange = codings.find((each) => !Object.hasOwn(decoders, each));
  if (strange !== undefined || codings.length > maxCodings) {
    throw codingError(
      `content-encoding: expected at most ${maxCodings} of ${acceptEncoding}, got ${field}`,
    );
  }
  return codings;
}

/**
 * Undoes `codings`. What comes out is bounded by `limitBytes` however little goes in.
 *
 * @throws {KingError} KING_HTTP_BODY_LIMIT, KING_HTTP_CONTENT_CODING for what does not decode.
 */
export async function* decodeContent(
  source: AsyncIterable<Uint8Array>,
  codings: readonly string[],
  limitBytes: number,
): AsyncGenerator<Uint8Array, undefined> {
  const chunks = source[Symbol.asyncIterator]();
  const beginning = await chunks.next();
  // Servers say what they would have done to a body also of one without a byte.
  if (beginning.done) return;
  let stream: Readable = Readable.from(from(beginning.value, chunks), { objectMode: false });
  const first = stream;
  for (const coding of [...codings].reverse()) {
    const decoder = (decoders[coding] as () => Transform)();
    const previous = stream;
    previous.on("error", (error) => decoder.destroy(error));
    decoder.on("close", () => previous.destroy());
    stream = previous.pipe(decoder);
  }
  let decoded = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      decoded += chunk.length;
      if (decoded > limitBytes) {
        throw httpErrors.create(
          "KING_HTTP_BODY_LIMIT",
          `response body: expected at most ${limitBytes} bytes once decoded, got more`,
          { limitBytes },
        );
      }
      yield chunk;
    }
  } catch (error) {
    if (!isDecodingError(error)) throw error;
    throw codingError(`body: expected ${codings.join(", ")}, got other bytes`, error);
  } finally {
    stream.destroy();
    first.destroy();
    // Not awaited: it may have to wait for bytes that never come.
    chunks.return?.()?.catch(() => undefined);
  }
}

async function* from(
  beginning: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  yield beginning;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

const isDecodingError = (error: unknown): boolean =>
  !KingError.is(error) &&
  /^(Z_|ERR__ERROR_|ERR_BROTLI|ERR_ZSTD|ZSTD_|ERR_)/.test((error as { code?: string })?.code ?? "");

const codingError = (message: string, cause?: unknown) =>
  httpErrors.create("KING_HTTP_CONTENT_CODING", message, {}, { cause });
