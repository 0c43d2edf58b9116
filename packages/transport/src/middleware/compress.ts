import type { Transform } from "node:stream";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import {
  bytesKey,
  defineSection,
  describeValue,
  optionError,
  resolveOptions,
} from "@king-runtime/core";
import { negotiateCoding } from "./accept-encoding.ts";
import { compressedStream, type FlushableTransform } from "./compressed-stream.ts";
import { addVary, type Middleware, withFields } from "./middleware.ts";
import { readAhead } from "./read-ahead.ts";

/** A content coding that {@link compress} can apply. */
export type ContentCoding = "zstd" | "br" | "gzip";

/** Options of {@link compress}. */
export interface CompressOptions {
  /** Codings to offer, those to prefer first. @default ["zstd", "br", "gzip"] */
  codings?: readonly ContentCoding[];
  /** Bodies that are known to be smaller are sent as they are. @default 1_024 */
  minBytes?: number;
  /**
   * Whether a media type, in lower case and without parameters, is worth it. @default text, JSON, XML,
   * JavaScript, WebAssembly, SVG and the like
   */
  compressible?: (type: string) => boolean;
}

const compressSection = defineSection("compress", {
  minBytes: bytesKey({ default: 1_024, doc: "Smaller bodies are sent as they are." }),
});

// Windows of 256 KiB: what a response takes stays below a megabyte, whatever its coding.
const windowBits = 18;
const engines: Readonly<Record<ContentCoding, () => Transform>> = Object.freeze({
  zstd: () => {
    const { ZSTD_c_compressionLevel, ZSTD_c_windowLog } = constants;
    return createZstdCompress({
      params: { [ZSTD_c_compressionLevel]: 3, [ZSTD_c_windowLog]: windowBits },
    });
  },
  br: () => {
    const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN } = constants;
    return createBrotliCompress({
      params: { [BROTLI_PARAM_QUALITY]: 4, [BROTLI_PARAM_LGWIN]: windowBits },
    });
  },
  gzip: () => createGzip(),
});

const compressibleTypes =
  /^(text\/.+|.+\+(json|xml|text)|application\/(json|javascript|ecmascript|xml|wasm|x-ndjson|manifest|sql|graphql|rtf|vnd\.ms-fontobject)|font\/(ttf|otf)|image\/(bmp|x-icon))$/;

/**
 * Compresses response bodies in the coding that the client weighs highest (RFC 9110, section 12.5.3).
 *
 * Left as they are: 204, 206 and 304, bodies with a `Content-Encoding` or `Content-Range`, types that
 * do not compress, `Cache-Control: no-transform`, and small bodies, unless the client refuses them
 * uncompressed. Strong entity tags become weak, `Content-Length`, `Accept-Ranges` and digests go, and whatever
 * could have been compressed gets `Vary: Accept-Encoding`. A HEAD gets the fields that its GET would, and a
 * 304 those of its 200, as far as it tells.
 *
 * Bodies stream with backpressure; what was written is flushed whenever more does not come at once, so
 * that event streams arrive event by event. Secrets do not belong in a response that also repeats what
 * a stranger sent: its compressed length tells of them.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function compress(options: CompressOptions = {}): Middleware {
  const { minBytes } = resolveOptions(compressSection, options, {
    others: ["codings", "compressible"],
  });
  const codings: readonly ContentCoding[] = options.codings ?? ["zstd", "br", "gzip"];
  const { compressible = (type: string) => compressibleTypes.test(type) } = options;
  if (!isListOf(codings, Object.keys(engines))) {
    throw optionError("codings", `expected zstd, br or gzip, got ${describeValue(codings)}`);
  }
  if (typeof compressible !== "function") {
    throw optionError("compressible", `expected a function, got ${describeValue(compressible)}`);
  }
  return (handler) =>
    async (request, ...rest) => {
      const response = await handler(request, ...rest);
      const accepted = negotiateCoding(request.headers.get("accept-encoding"), codings);
      if (response.status === 304) {
        if (!mayHaveVariants(request, response, compressible, accepted.coding)) return response;
        return tellVariant(response, accepted.coding !== "identity");
      }
      if (!isEligible(response, compressible)) return response;
      const varied = withFields(response, (headers) => addVary(headers, "accept-encoding"));
      const { coding } = accepted;
      if (coding === "identity") return varied;
      const leastBytes = accepted.identityRefused ? 0 : minBytes;
      const announced = varied.headers.get("content-length");
      if (announced !== null && Number(announced) < leastBytes) return varied;
      if (request.method === "HEAD") {
        await varied.body?.cancel();
        return announced === null ? varied : encoded(varied, null, coding);
      }
      if (varied.body === null) return varied;
      const body = await readAhead(varied.body, leastBytes);
      if (body.wholeBytes !== undefined && body.wholeBytes < leastBytes) {
        return new Response(body.stream, varied);
      }
      const engine = engines[coding]() as FlushableTransform;
      return encoded(varied, compressedStream(body.stream, engine), coding);
    };
}

const isListOf = (list: unknown, choices: readonly unknown[]) =>
  Array.isArray(list) && list.every((each) => choices.includes(each));

const bodyless = new Set([204, 205, 206]);

function isEligible({ status, headers }: Response, compressible: (type: string) => boolean) {
  if (bodyless.has(status) || headers.has("content-range")) return false;
  const coding = headers.get("content-encoding");
  if (coding !== null && coding.toLowerCase() !== "identity") return false;
  if (/(^|[\s,])no-transform($|[\s,])/i.test(headers.get("cache-control") ?? "")) return false;
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  return compressible(type.trim().toLowerCase());
}

function encoded(response: Response, body: ReadableStream<Uint8Array> | null, coding: string) {
  const { status, statusText } = response;
  const headers = new Headers(response.headers);
  headers.set("content-encoding", coding);
  headers.delete("content-length");
  for (const name of ofBytesBefore) headers.delete(name);
  weaken(headers);
  return new Response(body, { status, statusText, headers });
}

// RFC 9110, section 14.3; RFC 9530, whose digests are of encoded content; and what came before them.
const ofBytesBefore = ["accept-ranges", "content-digest", "repr-digest", "digest", "content-md5"];

/** A 304 carries the fields that choose among variants, as its 200 would (RFC 9110, section 15.4.5). */
function tellVariant(response: Response, isCoded: boolean): Response {
  return withFields(response, (headers) => {
    addVary(headers, "accept-encoding");
    if (isCoded) weaken(headers);
  });
}

/**
 * Whether the 200 that a 304 stands for would have been eligible. Few say of what type they are; but who
 * takes a coding and yet names the tag as the handler does has got that 200 as it was.
 */
function mayHaveVariants(
  request: Request,
  response: Response,
  compressible: (type: string) => boolean,
  coding: string,
): boolean {
  const { headers } = response;
  if (headers.has("content-type")) return isEligible(response, compressible);
  const tag = headers.get("etag");
  if (coding === "identity" || !tag?.startsWith('"')) return true;
  const known = request.headers.get("if-none-match") ?? "";
  return !known.includes(tag) || known.includes(`W/${tag}`);
}

// The bytes are others from one compression to the next (RFC 9110, section 8.8.3.3).
function weaken(headers: Headers): void {
  const tag = headers.get("etag");
  if (tag?.startsWith('"')) headers.set("etag", `W/${tag}`);
}
