import type { TLSSocket } from "node:tls";
import {
  type HasSection,
  type HeaderFields,
  optionError,
  type ReceivedResponse,
  resolveOptions,
} from "@king-runtime/core";
import type { Dispatcher } from "undici";
import { requestSection, tlsSection } from "./config.ts";
import { httpErrors } from "./errors.ts";
import { HeadWatch } from "./head-watch.ts";
import { HttpResponse } from "./http-response.ts";
import { Http2EndWatch } from "./http2-end-watch.ts";
import { requestError } from "./request-error.ts";
import { observeRequest } from "./request-telemetry.ts";
import { token } from "./token.ts";

/** Trust for one request. */
export interface RequestTlsOptions {
  /** Certificates to trust instead of the system's, PEM. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Name to verify the certificate against. @default the URL's host */
  serverName?: string;
}

/** What a request may send as its body. */
export type RequestBody =
  | string
  | Uint8Array
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>;

/** Options of {@link request}; keys of the `request` section may be given here too. */
export interface RequestOptions {
  /** Sent as it is: methods are case-sensitive. @default "GET" */
  method?: string;
  /** An object; the fields of a `Headers` come from `Object.fromEntries`. */
  headers?: HeaderFields;
  body?: RequestBody;
  tls?: RequestTlsOptions;
  /** Offers HTTP/2 in the TLS handshake. @default true */
  http2?: boolean;
  config?: HasSection<typeof requestSection> & HasSection<typeof tlsSection>;
  /** Ends the request, also while its body is read; the call rejects with its reason. */
  signal?: AbortSignal;
  /** It may end up to a second late, however short it is. */
  connectTimeoutMs?: number;
  /** From the end of the request to the head; interim responses do not put it off. */
  headersTimeoutMs?: number;
  /** On HTTP/1.1 it may end up to a second late, however short it is. */
  bodyIdleTimeoutMs?: number;
  /** Bounds the head, the trailers, and the interim responses together, each by itself. */
  maxHeaderBytes?: number;
  maxBodyBytes?: number;
}

const others = ["method", "headers", "body", "tls", "http2", "signal"] as const;

/**
 * Makes one request on a connection of its own, which ends with the response: there is no pool
 * behind it. Redirects are not followed, nothing is repeated, bodies are not decompressed.
 *
 * Read the body or dispose of the response (`await using`), or the connection stays open until
 * `bodyIdleTimeoutMs`.
 *
 * @throws {KingError} KING_HTTP_CONNECT, KING_HTTP_TLS, KING_HTTP_TIMEOUT, KING_HTTP_ABORTED,
 * KING_HTTP_PROTOCOL, KING_HTTP_HEADER_LIMIT, KING_HTTP_REQUEST_INVALID; `signal`'s reason.
 */
export async function request(
  url: string | URL,
  options: RequestOptions = {},
): Promise<ReceivedResponse> {
  const { method = "GET", headers, body, tls, http2 = true, config, signal } = options;
  checkOptions({ ...options, method, http2 });
  signal?.throwIfAborted();
  const limits = resolveOptions(requestSection, options, { config, others });
  const { minVersion } = resolveOptions(tlsSection, {}, { config });
  const target = parseUrl(url);
  // Servers do without it: its size in memory would be theirs.
  const { buildConnector, Client } = await import("undici");
  signal?.throwIfAborted();
  let http2End: Http2EndWatch | undefined;
  const connect = buildConnector({
    timeout: limits.connectTimeoutMs,
    allowH2: http2,
    minVersion,
    ...(tls?.ca === undefined ? {} : { ca: tls.ca as string }),
    ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
  });
  const client = new Client(target.origin, {
    allowH2: http2,
    connect: (target, callback) =>
      connect(target, (...outcome: Parameters<typeof callback>) => {
        const [error, socket] = outcome;
        if (error === null && !isStreamed(body)) watch.requestSent();
        if (error !== null || (socket as TLSSocket).alpnProtocol !== "h2") callback(...outcome);
        else {
          http2End = new Http2EndWatch(socket as TLSSocket);
          callback(null, http2End as unknown as TLSSocket);
        }
      }),
    headersTimeout: limits.headersTimeoutMs,
    bodyTimeout: limits.bodyIdleTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    pipelining: 1,
  });
  const context = { origin: target.origin, limits };
  const cut = new AbortController();
  const watch = new HeadWatch(context, (error) => cut.abort(error));
  const source = isStreamed(body) ? relay(body, () => watch.requestSent()) : (body ?? null);
  return await observeRequest(method, target, headers, async (fields) => {
    let data: Dispatcher.ResponseData | undefined;
    try {
      data = await client.request({
        method: method as "GET",
        path: `${target.pathname}${target.search}`,
        headers: fields as Record<string, string | string[]>,
        body: source as Uint8Array | null,
        responseHeaders: "raw",
        signal: signal === undefined ? cut.signal : AbortSignal.any([signal, cut.signal]),
        onInfo: ({ statusCode, headers }) => watch.add(statusCode, headers),
      });
      const { interim } = watch;
      return new HttpResponse({ data, method, http2End, interim, client, context, signal });
    } catch (error) {
      // Destroying the client under a request that runs over HTTP/2 would fail an assertion of it.
      data?.body.on("error", () => undefined).destroy();
      client.destroy().catch(() => undefined);
      throw requestError(error, context, signal);
    } finally {
      watch.stop();
    }
  });
}

/** Methods that are written in another case by mistake alone (RFC 9110, section 9.1). */
const knownMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

function checkOptions({ method, headers, tls, http2, signal }: RequestOptions): void {
  if (typeof http2 !== "boolean") throw optionError("http2", "expected a boolean");
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw optionError("signal", "expected an AbortSignal");
  }
  if (tls !== undefined && !isRecord(tls)) throw optionError("tls", "expected an object");
  if (headers !== undefined && !isRecord(headers)) {
    throw optionError("headers", "expected an object of names and values, not Headers or a list");
  }
  if (typeof method !== "string" || !token.test(method)) {
    throw invalid("method", `expected a token, got ${JSON.stringify(method)}`);
  }
  const known = method.toUpperCase();
  if (known !== method && knownMethods.includes(known)) {
    throw invalid("method", `expected "${known}", got "${method}"; methods are case-sensitive`);
  }
}

const isRecord = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !(Symbol.iterator in value);

const isStreamed = (body: RequestBody | undefined): body is AsyncIterable<Uint8Array> =>
  typeof body === "object" && body !== null && Symbol.asyncIterator in body;

async function* relay(source: AsyncIterable<Uint8Array>, done: () => void) {
  yield* source;
  done();
}

function parseUrl(url: string | URL): URL {
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
  const { protocol, username, password } = parsed ?? {};
  if (
    parsed !== undefined &&
    (protocol === "http:" || protocol === "https:") &&
    !username &&
    !password
  ) {
    return parsed;
  }
  throw invalid("url", "expected an absolute http: or https: URL without credentials");
}

function invalid(option: string, message: string) {
  return httpErrors.create("KING_HTTP_REQUEST_INVALID", `${option}: ${message}`, { option });
}
