import type { Clock, ExchangeHandler, HasSection, Listener } from "@king-runtime/core";
import { optionError, resolveOptions, systemClock } from "@king-runtime/core";
import { httpSection, tlsSection } from "./config.ts";
import { HttpListener } from "./http-listener.ts";

/** The listener's own certificate. */
export interface ListenTlsOptions {
  /** Certificate chain, PEM. */
  cert: string | Uint8Array;
  /** Private key, PEM. */
  key: string | Uint8Array;
  /** Of the key, when it is encrypted. */
  passphrase?: string;
}

/** Options of {@link listenHttp}; keys of the `http` section may be given here too. */
export interface ListenHttpOptions {
  /** Serves each request. `fromFetch(handler)` makes one of a Fetch handler. */
  handler: ExchangeHandler;
  /** Address to listen on. @default "127.0.0.1" */
  host?: string;
  /** 0 takes a free one; see `listener.local`. @default 0 */
  port?: number;
  /** With it: TLS, HTTP/2 and HTTP/1.1 by ALPN. Without: HTTP/1.1, and HTTP/2 with prior knowledge. */
  tls?: ListenTlsOptions;
  /** Told of what a handler throws; the client gets a 500 without details. @default console.error */
  onHandlerError?: (error: unknown) => void;
  config?: HasSection<typeof httpSection> & HasSection<typeof tlsSection>;
  /** @default systemClock */
  clock?: Clock;
  /** Closes the listener when it aborts. */
  signal?: AbortSignal;
  maxHeaderBytes?: number;
  maxBodyBytes?: number;
  maxSessions?: number;
  maxStreamsPerSession?: number;
  maxPipelinedRequests?: number;
  maxWriteBufferBytes?: number;
  headersTimeoutMs?: number;
  requestTimeoutMs?: number;
  bodyIdleTimeoutMs?: number;
  responseTimeoutMs?: number;
  writeIdleTimeoutMs?: number;
  keepAliveTimeoutMs?: number;
  upgradeProtocols?: readonly string[];
}

const others = ["handler", "host", "port", "tls", "onHandlerError", "clock", "signal"] as const;

/**
 * Listens for HTTP. The caller closes the listener: `close` finishes what is under way.
 *
 * @throws {KingError} KING_HTTP_LISTEN when the address cannot be had; KING_OPTION_INVALID,
 * KING_CONFIG_LOCKED; KING_HTTP_TLS when certificate and key do not fit.
 */
export async function listenHttp(options: ListenHttpOptions): Promise<Listener> {
  const { handler, host = "127.0.0.1", port = 0, tls, config, clock = systemClock } = options;
  const { onHandlerError = console.error, signal } = options;
  signal?.throwIfAborted();
  const section = resolveOptions(httpSection, options, { config, others });
  for (const [name, value] of Object.entries({ handler, onHandlerError })) {
    if (typeof value !== "function") throw optionError(name, "expected a function");
  }
  if (typeof host !== "string") throw optionError("host", "expected a string");
  if (tls !== undefined && !(tls?.cert && tls.key)) {
    throw optionError("tls", "expected an object with cert and key");
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw optionError("port", `expected an integer from 0 to 65535, got ${port}`);
  }
  const listener = new HttpListener({
    handler,
    limits: Object.freeze({ ...section, clock }),
    tls,
    tlsPolicy: resolveOptions(tlsSection, {}, { config }),
    onHandlerError,
  });
  await listener.open(host, port);
  if (signal !== undefined) {
    const onAbort = () => void listener.close();
    signal.addEventListener("abort", onAbort, { once: true });
    listener.closed.then(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
  }
  return listener;
}
