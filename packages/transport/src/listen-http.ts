import type {
  Clock,
  ExchangeHandler,
  HasSection,
  QuicEngine,
  SectionValues,
} from "@king-runtime/core";
import {
  checkObject,
  describeValue,
  optionError,
  resolveOptions,
  systemClock,
} from "@king-runtime/core";
import { httpSection, tlsSection } from "./config.ts";
import { ExchangeService } from "./exchange-service.ts";
import { type Http3Binding, type HttpListener, NodeHttpListener } from "./http-listener.ts";
import type { HttpLimits } from "./limits.ts";
import { authoritiesOf } from "./tls/authorities.ts";
import { ListenerTls, type ListenTlsOptions } from "./tls/listener-tls.ts";
import { token } from "./token.ts";

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
  /**
   * Serves HTTP/3 too, on the same port of UDP, and tells so in responses over TCP (Alt-Svc, RFC 7838). Takes `tls` with
   * its one certificate: no `serverNames`, no certificates of clients.
   */
  quic?: ListenQuicOptions;
  /** Told of what a handler throws; the client gets a 500 without details. @default console.error */
  onHandlerError?: (error: unknown) => void;
  config?: HasSection<typeof httpSection> & HasSection<typeof tlsSection>;
  /** @default systemClock */
  clock?: Clock;
  /** Closes the listener when it aborts. */
  signal?: AbortSignal;
  maxHeaderBytes?: number;
  maxHeaderCount?: number;
  maxUrlBytes?: number;
  maxBodyBytes?: number;
  maxSessions?: number;
  backlog?: number;
  maxRequestsPerSession?: number;
  maxStreamsPerSession?: number;
  maxPipelinedRequests?: number;
  maxWriteBufferBytes?: number;
  headersTimeoutMs?: number;
  requestTimeoutMs?: number;
  bodyIdleTimeoutMs?: number;
  responseTimeoutMs?: number;
  writeIdleTimeoutMs?: number;
  keepAliveTimeoutMs?: number;
  drainGraceMs?: number;
  requestIdHeader?: string;
  reusePort?: boolean;
  trustedProxies?: readonly string[];
  upgradeProtocols?: readonly string[];
}

/** HTTP/3 of a listener. */
export interface ListenQuicOptions {
  /** Such as `openCurrentSpaceEngine()` of `@king-runtime/quic` gives. */
  engine: QuicEngine;
}

const others = [
  "handler",
  "host",
  "port",
  "tls",
  "quic",
  "onHandlerError",
  "clock",
  "signal",
] as const;

/**
 * Listens for HTTP. The caller closes the listener: `close` finishes what is under way.
 *
 * @throws {KingError} KING_HTTP_LISTEN when the address cannot be had; KING_OPTION_INVALID,
 * KING_CONFIG_LOCKED; KING_HTTP_TLS when certificate and key do not fit.
 */
export async function listenHttp(options: ListenHttpOptions): Promise<HttpListener> {
  checkObject("options", options);
  const { handler, host = "127.0.0.1", port = 0, tls, config, clock = systemClock } = options;
  const { onHandlerError = console.error, signal } = options;
  checkOthers({ ...options, handler, onHandlerError, host, port, clock });
  signal?.throwIfAborted();
  const section = resolveOptions(httpSection, options, { config, others });
  checkNames(section);
  const limits: HttpLimits = { ...section, clock };
  const policy = resolveOptions(tlsSection, {}, { config });
  if (policy.ticketSecret !== undefined && policy.ticketSecret.length < 32) {
    throw optionError("tls.ticketSecret", "expected 32 characters or more");
  }
  const listener = new NodeHttpListener({
    service: new ExchangeService(handler, limits, onHandlerError),
    limits,
    tls: tls === undefined ? undefined : new ListenerTls(tls, policy, clock),
    quic: options.quic === undefined ? undefined : quicBinding(options.quic, tls),
    onError: onHandlerError,
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

/** @throws {KingError} KING_OPTION_INVALID */
function quicBinding(quic: ListenQuicOptions, tls: ListenTlsOptions | undefined): Http3Binding {
  if (typeof quic?.engine?.listen !== "function") {
    throw optionError("quic", "expected an object with an engine");
  }
  if (tls === undefined) throw optionError("quic", "expected tls with it: QUIC is never without");
  const { cert, key, passphrase, serverNames, clientCertificates = "none", clientCa } = tls;
  if (passphrase !== undefined || serverNames !== undefined || clientCertificates === "request") {
    const lacks = 'passphrase, serverNames and clientCertificates: "request"';
    throw optionError("quic", `expected tls without ${lacks}, which engines do not know`);
  }
  const pem = (each: string | Uint8Array) => Buffer.from(each).toString("latin1");
  const ca =
    clientCa === undefined ? undefined : authoritiesOf("tls.clientCa", clientCa).join("\n");
  return { engine: quic.engine, tls: { cert: pem(cert), key: pem(key), ...(ca && { ca }) } };
}

function checkOthers(options: Partial<ListenHttpOptions>): void {
  const { handler, onHandlerError, host, port, clock, signal } = options;
  for (const [name, value] of Object.entries({ handler, onHandlerError })) {
    if (typeof value !== "function") throw optionError(name, "expected a function");
  }
  if (typeof host !== "string" || host === "") {
    throw optionError("host", "expected a name or address; 0.0.0.0 or :: for all there are");
  }
  if (!Number.isInteger(port) || !((port as number) >= 0 && (port as number) <= 65_535)) {
    throw optionError("port", `expected an integer from 0 to 65535, got ${describeValue(port)}`);
  }
  if (typeof clock?.every !== "function") throw optionError("clock", "expected a clock");
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw optionError("signal", "expected an AbortSignal");
  }
}

/** Fields of the protocol's own, which no id can stand in. */
const framing = /^(connection|content-length|transfer-encoding|upgrade|host|te|trailer)$/;

function checkNames({
  requestIdHeader: name,
  upgradeProtocols,
}: SectionValues<typeof httpSection>): void {
  if (name !== "" && (!token.test(name) || name !== name.toLowerCase() || framing.test(name))) {
    throw optionError("requestIdHeader", "expected the name of a field in lower case, or nothing");
  }
  if (!upgradeProtocols.every((protocol) => token.test(protocol))) {
    throw optionError("upgradeProtocols", "expected names of protocols");
  }
}
