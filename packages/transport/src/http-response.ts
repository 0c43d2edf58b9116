import {
  emptyHeaders,
  type HeaderView,
  headerView,
  type InformationalResponse,
  optionError,
  type ReadBodyOptions,
  type ReceivedResponse,
  streamErrors,
} from "@king-runtime/core";
import type { Client, Dispatcher } from "undici";
import { httpErrors } from "./errors.ts";
import { fieldBytes, flatFields, type Interim } from "./head-watch.ts";
import type { Http2EndWatch } from "./http2-end-watch.ts";
import {
  abortedError,
  headerLimitError,
  type RequestContext,
  requestError,
} from "./request-error.ts";

interface HttpResponseInit {
  readonly data: Dispatcher.ResponseData;
  readonly method: string;
  /** Absent on HTTP/1.1, whose parser knows the end by itself. */
  readonly http2End: Http2EndWatch | undefined;
  readonly interim: readonly Interim[];
  readonly client: Client;
  readonly context: RequestContext;
  readonly signal: AbortSignal | undefined;
}

/** A response on a connection of its own, which ends with it. */
export class HttpResponse implements ReceivedResponse {
  readonly status: number;
  readonly headers: HeaderView;
  readonly protocol: string;
  readonly #init: HttpResponseInit;
  #used = false;
  #trailers = Promise.withResolvers<HeaderView>();
  #body: ReadableStream<Uint8Array> | undefined;
  #released: Promise<void> | undefined;

  constructor(init: HttpResponseInit) {
    this.#init = init;
    this.status = init.data.statusCode;
    this.headers = boundedView(init.data.headers, init.context);
    this.protocol = init.http2End === undefined ? "h1" : "h2";
    this.#trailers.promise.catch(() => undefined);
  }

  get informational(): readonly InformationalResponse[] {
    return this.#init.interim.map(({ status, fields }) => ({
      status,
      headers: headerView(fields),
    }));
  }

  get trailers(): Promise<HeaderView> {
    return this.#trailers.promise;
  }

  get body(): ReadableStream<Uint8Array> {
    if (this.#body === undefined) {
      const source = this[Symbol.asyncIterator]();
      this.#body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const { done, value } = await source.next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
          cancel: () => this.#release(),
        },
        { highWaterMark: 0 },
      );
    }
    return this.#body;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, undefined> {
    return this.#read(this.#init.context.limits.maxBodyBytes);
  }

  #read(limitBytes: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, undefined> {
    if (this.#used) {
      throw httpErrors.create("KING_HTTP_BODY_USED", "expected the body to be read once", {});
    }
    this.#used = true;
    return this.#chunks(limitBytes, signal);
  }

  async *#chunks(limitBytes: number, signal?: AbortSignal): AsyncGenerator<Uint8Array, undefined> {
    const { data, context, http2End } = this.#init;
    const onAbort = () => data.body.destroy(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      signal?.throwIfAborted();
      const announced = this.#isBodyless ? 0 : Number(this.headers.get("content-length") ?? 0);
      if (announced > limitBytes) throw bodyLimit(limitBytes, announced);
      let received = 0;
      for await (const chunk of data.body as AsyncIterable<Uint8Array>) {
        received += chunk.length;
        if (received > limitBytes) throw bodyLimit(limitBytes, received);
        yield chunk;
      }
      if (http2End?.ended === false) throw abortedError(context);
      this.#trailers.resolve(boundedView(data.trailers, context));
    } catch (cause) {
      const aborted = signal?.aborted ? signal : this.#init.signal;
      const error = requestError(cause, context, aborted);
      this.#trailers.reject(error);
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      await this.#release();
    }
  }

  /** Content-Length then tells of another response (RFC 9110, section 8.6). */
  get #isBodyless(): boolean {
    return this.#init.method === "HEAD" || this.status === 204 || this.status === 304;
  }

  async bytes(options: ReadBodyOptions = {}): Promise<Uint8Array> {
    const { limit = this.#init.context.limits.maxBodyBytes, signal } = options;
    if (!(typeof limit === "number" && limit >= 0)) {
      throw optionError("limit", `expected a number of bytes, got ${limit}`);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#read(limit, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async text(options?: ReadBodyOptions): Promise<string> {
    return new TextDecoder().decode(await this.bytes(options));
  }

  async json(options?: ReadBodyOptions): Promise<unknown> {
    const text = await this.text(options);
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = `body: expected JSON, got ${(cause as Error).message}`;
      throw httpErrors.create("KING_HTTP_BODY_JSON", message, {}, { cause });
    }
  }

  toFetch(): Response {
    if (this.status < 200 || this.status > 599) {
      const message = `expected a status from 200 to 599, got ${this.status}`;
      throw httpErrors.create("KING_HTTP_PROTOCOL", message, {});
    }
    const bodyless = [204, 205, 304].includes(this.status);
    return new Response(bodyless ? null : this.body, {
      status: this.status,
      headers: this.headers.toHeaders(),
    });
  }

  /** Gives up what is unread; the connection ends. */
  #release(): Promise<void> {
    this.#released ??= (async () => {
      const message = "the response was given up before its end";
      this.#trailers.reject(streamErrors.create("KING_STREAM_CLOSED", message, {}));
      this.#init.data.body.on("error", () => undefined).destroy();
      await this.#init.client.destroy();
    })();
    return this.#released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#release();
  }
}

/** The fields, unless they are over `maxHeaderBytes`, which HTTP/2 below does not hold to. */
function boundedView(raw: unknown, { limits }: RequestContext): HeaderView {
  const fields = flatFields(raw);
  if (fieldBytes(fields) > limits.maxHeaderBytes) throw headerLimitError(limits.maxHeaderBytes);
  return fields.length === 0 ? emptyHeaders : headerView(fields);
}

function bodyLimit(limitBytes: number, announcedBytes: number) {
  return httpErrors.create(
    "KING_HTTP_BODY_LIMIT",
    `response body: expected at most ${limitBytes} bytes, got ${announcedBytes} or more`,
    { limitBytes, announcedBytes },
  );
}
