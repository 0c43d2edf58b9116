import type { HeaderFields, InformationalResponse } from "@king-runtime/core";
import type { RequestBody } from "./request-body.ts";

/** What one request is; keys of the `request` section that speak of one request may be given too. */
export interface ExchangeOptions {
  /** Sent as it is: methods are case-sensitive. @default "GET" */
  method?: string;
  /** An object; the fields of a `Headers` come from `Object.fromEntries`. */
  headers?: HeaderFields;
  body?: RequestBody;
  /**
   * Sends the body when the server asks for it, or when it has not answered for `expectTimeoutMs` (RFC 9110,
   * section 10.1.1). @default false
   */
  expectContinue?: boolean;
  /** Fields to send after the body; a function is asked when the body has ended. */
  trailers?: HeaderFields | (() => HeaderFields);
  /** Told of each interim response (1xx) as it comes, such as 103 (Early Hints, RFC 8297). */
  onInformational?: (response: InformationalResponse) => void;
  /** Undoes gzip, br and zstd of the response, and asks for them. @default false */
  decompress?: boolean;
  /** Whether to do it twice does what once does. @default by the method (RFC 9110, section 9.2.2) */
  idempotent?: boolean;
  /** Ends the exchange, also while its body is read; the call rejects with its reason. */
  signal?: AbortSignal;
  /** From the end of the request to the head; interim responses do not put it off. */
  headersTimeoutMs?: number;
  bodyIdleTimeoutMs?: number;
  bodyIdleResumes?: boolean;
  writeIdleTimeoutMs?: number;
  expectTimeoutMs?: number;
  timeoutMs?: number;
  maxBodyBytes?: number;
}

/** Names of {@link ExchangeOptions} that are keys of the `request` section. */
export const exchangeLimits = [
  "headersTimeoutMs",
  "bodyIdleTimeoutMs",
  "bodyIdleResumes",
  "writeIdleTimeoutMs",
  "expectTimeoutMs",
  "timeoutMs",
  "maxBodyBytes",
] as const;

/** The other names of {@link ExchangeOptions}. */
export const exchangeOthers = [
  "method",
  "headers",
  "body",
  "expectContinue",
  "trailers",
  "onInformational",
  "decompress",
  "idempotent",
  "signal",
] as const;
