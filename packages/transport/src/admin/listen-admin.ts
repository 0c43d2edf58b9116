import { optionError } from "@king-runtime/core";
import { fromFetch } from "../fetch/from-fetch.ts";
import type { HttpListener } from "../http-listener.ts";
import { listenHttp } from "../listen-http.ts";
import type { ListenTlsOptions } from "../tls/listener-tls.ts";
import { createAdminHandler } from "./admin-handler.ts";
import { type AdminOptions, adminOptionNames, longestDeadlineMs } from "./admin-options.ts";
import { checkNames } from "./check-names.ts";
import { isLoopback } from "./loopback.ts";

/** Options of {@link listenAdmin}. */
export interface ListenAdminOptions extends AdminOptions {
  /** Address to listen on; any but one of loopback needs `tls` that requires clients' certificates. @default "127.0.0.1" */
  host?: string;
  /** 0 takes a free one. @default 2019 */
  port?: number;
  /** With `clientCertificates: "require"` and `clientCa` for certificates of clients. */
  tls?: ListenTlsOptions;
  /** Closes the listener when it aborts. */
  signal?: AbortSignal;
}

/** For one operator and some machines. */
const limits = {
  maxSessions: 100,
  maxStreamsPerSession: 20,
  maxPipelinedRequests: 10,
  maxHeaderBytes: 16_384,
  requestTimeoutMs: 30_000,
  // A drain is waited for as long as its request says.
  responseTimeoutMs: 2 * longestDeadlineMs,
  upgradeProtocols: [],
};

/**
 * Listens for the admin API, on loopback alone unless every client has to show a certificate. It is the
 * caller's to close, after the system: where it is a component of that, it is gone before the drain is over.
 *
 * @throws {KingError} KING_OPTION_INVALID, also for an address that is not of loopback without clients'
 * certificates; KING_HTTP_LISTEN, KING_HTTP_TLS.
 */
export async function listenAdmin(options: ListenAdminOptions): Promise<HttpListener> {
  const { host = "127.0.0.1", port = 2019, tls, signal, ...rest } = options ?? {};
  checkNames(rest, "options", [...adminOptionNames, "host", "port", "tls", "signal"]);
  const handler = createAdminHandler(rest);
  const isVerified = tls?.clientCertificates === "require";
  const isOpen = host !== "localhost" && !(typeof host === "string" && isLoopback(host));
  if (isOpen && !isVerified) throw openError();
  if (
    rest.auth.clientCertificates !== undefined &&
    (tls?.clientCertificates ?? "none") === "none"
  ) {
    throw optionError("tls", "expected clientCertificates and clientCa, which auth asks for");
  }
  const { maxBodyBytes = 65_536, onError = console.error, clock } = rest;
  const listener = await listenHttp({
    ...limits,
    handler: fromFetch(handler),
    host,
    port,
    maxBodyBytes,
    onHandlerError: onError,
    ...(tls === undefined ? {} : { tls }),
    ...(signal === undefined ? {} : { signal }),
    ...(clock === undefined ? {} : { clock }),
  });
  // What localhost is, others may have changed.
  if (isVerified || isLoopback(listener.local.address)) return listener;
  listener.abort();
  throw openError();
}

const openError = () =>
  optionError(
    "host",
    'expected an address of loopback, or tls with clientCertificates: "require" and clientCa',
  );
