import { bytesKey, defineSection, resolveOptions } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import { problemResponse } from "../problem-response.ts";
import { carryIdentity } from "./identity.ts";
import type { Middleware } from "./middleware.ts";

/** Options of {@link limitBody}. */
export interface LimitBodyOptions {
  /** Largest request body, in bytes. @default 1_048_576 */
  maxBytes?: number;
}

const limitBodySection = defineSection("limitBody", {
  maxBytes: bytesKey({ default: 1_048_576, doc: "Largest request body; more is answered 413." }),
});

/**
 * Answers 413 to a request whose body is larger than `maxBytes`: by its `Content-Length` before the
 * handler is asked, otherwise once so much has been read; what the handler makes of the error that it
 * then reads, `KING_HTTP_BODY_LIMIT`, is sent only where that is a response. For limits below the
 * listener's `maxBodyBytes`, for some routes.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function limitBody(options: LimitBodyOptions = {}): Middleware {
  const { maxBytes } = resolveOptions(limitBodySection, options);
  return (handler) =>
    async (request, ...rest) => {
      const announced = Number(request.headers.get("content-length") ?? 0);
      if (announced > maxBytes) {
        await request.body?.cancel();
        return refusal(maxBytes);
      }
      if (request.body === null) return handler(request, ...rest);
      let exceeded = false;
      const body = limited(request.body, maxBytes, () => {
        exceeded = true;
      });
      const limitedRequest = withBody(request, body);
      carryIdentity(request, limitedRequest);
      try {
        return await handler(limitedRequest, ...rest);
      } catch (error) {
        if (exceeded) return refusal(maxBytes);
        throw error;
      }
    };
}

/** Of its parts: what stands for a `Request`, as a lazy one does, the platform does not copy. */
function withBody(request: Request, body: ReadableStream<Uint8Array>): Request {
  const { url, method, headers, signal, redirect, credentials, cache, integrity } = request;
  const parts = { method, headers, signal, redirect, credentials, cache, integrity };
  return new Request(url, { ...parts, body, duplex: "half" } as RequestInit);
}

const refusal = (maxBytes: number) =>
  problemResponse({ status: 413, detail: `expected a body of at most ${maxBytes} bytes` });

function limited(
  source: ReadableStream<Uint8Array>,
  limitBytes: number,
  onExceeded: () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let received = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        received += value.length;
        if (received <= limitBytes) return controller.enqueue(value);
        onExceeded();
        const error = httpErrors.create(
          "KING_HTTP_BODY_LIMIT",
          `body: expected at most ${limitBytes} bytes, got ${received} or more`,
          { limitBytes, announcedBytes: received },
        );
        reader.cancel(error).catch(() => undefined); // the error that counts is thrown below
        throw error;
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
