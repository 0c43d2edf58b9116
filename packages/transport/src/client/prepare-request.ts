import { type HeaderFields, optionError } from "@king-runtime/core";
import { token } from "../token.ts";
import { acceptEncoding } from "./content-coding.ts";
import type { ExchangeOptions } from "./exchange-options.ts";
import type { Origin, PreparedRequest } from "./prepared-request.ts";
import type { RequestBody } from "./request-body.ts";
import { invalidRequest, trailersWithLength } from "./request-error.ts";
import type { RequestLimits } from "./request-limits.ts";

/**
 * The URL of a request.
 *
 * @throws {KingError} KING_HTTP_REQUEST_INVALID, without the URL in it: it may hold secrets.
 */
export function parseUrl(url: string | URL): URL {
  // The platform's parser would take line breaks and tabs out, and go on.
  const text = typeof url === "string" ? url : String(url);
  const parsed = control.test(text) ? null : URL.parse(text);
  const scheme = parsed?.protocol;
  if (
    parsed !== null &&
    (scheme === "http:" || scheme === "https:") &&
    parsed.username === "" &&
    parsed.password === ""
  ) {
    return parsed;
  }
  throw invalidRequest(
    "url",
    "expected an absolute http: or https: URL without credentials and control characters",
  );
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is refused
const control = /[\u0000-\u001f\u007f]/;

export function originOf({ origin, protocol, hostname, port, host }: URL): Origin {
  const secure = protocol === "https:";
  return {
    text: origin,
    secure,
    host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    port: port === "" ? (secure ? 443 : 80) : Number(port),
    authority: host,
  };
}

/** Path and query as they are written: an empty query is one too. */
export function targetOf({ href }: URL, origin: Origin): string {
  const end = href.indexOf("#");
  return href.slice(origin.text.length, end === -1 ? undefined : end);
}

/** Looks at a request before anything is done for it. @throws {KingError} KING_HTTP_REQUEST_INVALID, KING_OPTION_INVALID */
export function prepareRequest(
  url: URL,
  origin: Origin,
  options: ExchangeOptions,
  limits: RequestLimits,
  isOpen = false,
): PreparedRequest {
  const { method = "GET", headers = none, body, expectContinue = false, trailers } = options;
  const { onInformational, decompress = false, signal } = options;
  checkMethod(method);
  checkHeaders(headers);
  if (body !== undefined) checkBody(body);
  checkLength(headers, body, isOpen);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw optionError("signal", "expected an AbortSignal");
  }
  if (onInformational !== undefined && typeof onInformational !== "function") {
    throw optionError("onInformational", "expected a function");
  }
  const { idempotent = idempotentMethods.has(method) } = options;
  for (const [name, value] of [
    ["expectContinue", expectContinue],
    ["decompress", decompress],
    ["idempotent", idempotent],
  ] as const) {
    if (typeof value !== "boolean") throw optionError(name, "expected a boolean");
  }
  if (trailers !== undefined) {
    if (typeof trailers !== "function") checkHeaders(trailers, "trailers");
    if (Object.keys(headers).some(isContentLength)) throw trailersWithLength();
  }
  return {
    method,
    url,
    origin,
    path: targetOf(url, origin),
    headers: decompress ? withAcceptEncoding(headers) : headers,
    body,
    isOpen,
    // Without a body there is nothing to wait for.
    expectContinue: expectContinue && (isOpen || body !== undefined),
    trailers,
    idempotent,
    decompress,
    limits,
    deadlineMs:
      limits.timeoutMs === Number.POSITIVE_INFINITY
        ? Number.POSITIVE_INFINITY
        : limits.clock.monotonic() + limits.timeoutMs,
    signal,
    onInformational,
  };
}

const isContentLength = (name: string) => name.toLowerCase() === "content-length";

const none: HeaderFields = Object.freeze({});

const idempotentMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "PUT",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "QUERY",
]);

/** Methods that are written in another case by mistake alone (RFC 9110, section 9.1). */
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]);

function checkMethod(method: string): void {
  if (knownMethods.has(method)) return;
  if (typeof method !== "string" || !token.test(method)) {
    throw invalidRequest("method", `expected a token, got ${JSON.stringify(method)}`);
  }
  const known = method.toUpperCase();
  if (knownMethods.has(known)) {
    throw invalidRequest(
      "method",
      `expected "${known}", got "${method}"; methods are case-sensitive`,
    );
  }
  if (known === "CONNECT") {
    throw invalidRequest(
      "method",
      "expected one for a resource, got CONNECT; see the option proxy",
    );
  }
}

/** Fields that the connection has of its own (RFC 9110, section 7.6.1), and what to use instead. */
const refusedFields: Readonly<Record<string, string>> = {
  connection: "connections are kept or not by their owner",
  "keep-alive": "connections are kept or not by their owner",
  "proxy-connection": "connections are kept or not by their owner",
  "transfer-encoding": "it follows from the body",
  upgrade: "protocols are not changed",
  "http2-settings": "protocols are not changed",
  expect: "see the option expectContinue",
  trailer: "see the option trailers",
};

const maxKnownNames = 1_000;
const knownNames = new Map<string, string | undefined>();

/** Why a field of this name cannot be sent, if so. */
function refusal(name: string): string | undefined {
  if (knownNames.has(name)) return knownNames.get(name);
  const known = name.toLowerCase();
  const why = token.test(name)
    ? Object.hasOwn(refusedFields, known)
      ? `expected none of this name: ${refusedFields[known]}`
      : undefined
    : "expected a token for a name";
  if (knownNames.size < maxKnownNames) knownNames.set(name, why);
  return why;
}

/** RFC 9110, section 5.5. */
const badValue = /[^\t\u0020-\u007e\u0080-\u00ff]/;

function checkHeaders(headers: HeaderFields, option = "headers"): void {
  if (typeof headers !== "object" || headers === null || Symbol.iterator in headers) {
    throw optionError(
      option,
      "expected an object of names and values, got Headers or a list; Object.fromEntries makes one",
    );
  }
  let cased: Set<string> | undefined;
  for (const name of Object.keys(headers)) {
    const known = name.toLowerCase();
    if (known !== name) {
      cased ??= new Set();
      if (cased.has(known) || Object.hasOwn(headers, known)) {
        throw invalidRequest(
          option,
          `${JSON.stringify(name)}: expected the name once, in one case`,
        );
      }
      cased.add(known);
    }
    const why = known === "__proto__" ? "expected another name" : refusal(name);
    if (why !== undefined) throw invalidRequest(option, `${JSON.stringify(name)}: ${why}`);
    const value = headers[name] as string | readonly string[];
    if (/^(host|te)$/i.test(name)) checkOwn(option, name, value);
    if (typeof value === "string") checkValue(option, name, value);
    else if (Array.isArray(value)) for (const line of value) checkValue(option, name, line);
    else
      throw invalidRequest(option, `${JSON.stringify(name)}: expected text, got ${typeof value}`);
  }
}

/** RFC 9110, sections 7.2 and 10.1.4: a name or an address, and the port; and what HTTP/2 may be told of TE. */
const ownValues: Readonly<Record<string, RegExp>> = {
  host: /^([\w.~!$&'()*+,;=%-]+|\[[\dA-Fa-f:.]+\])(:\d*)?$/,
  te: /^trailers$/i,
};

/** Fields of which there is one, and that say how the request is understood as a whole. */
function checkOwn(option: string, name: string, value: unknown): void {
  const known = name.toLowerCase();
  if (typeof value === "string" && ownValues[known]?.test(value)) return;
  const expected = known === "te" ? '"trailers"' : "one host, and its port if any";
  throw invalidRequest(option, `${JSON.stringify(name)}: expected ${expected}`);
}

function checkValue(option: string, name: string, value: unknown): void {
  if (typeof value === "string" && !badValue.test(value)) return;
  // Without the value: it may be a secret.
  const message = `${JSON.stringify(name)}: expected text of visible characters, without line breaks`;
  throw invalidRequest(option, message);
}

function checkBody(body: unknown): void {
  if (typeof body === "string" || typeof body === "function" || body instanceof Uint8Array) return;
  if (typeof body === "object" && body !== null && Symbol.asyncIterator in body) return;
  throw optionError(
    "body",
    "expected text, bytes, a web stream or another async iterable of bytes, or a function that gives one",
  );
}

const lengthName = "content-length";

/** What Content-Length says, if anything. */
export function announcedLength(headers: HeaderFields): number | undefined {
  for (const name in headers) if (isLength(name)) return Number(headers[name]);
  return undefined;
}

const isLength = (name: string): boolean =>
  name.length === lengthName.length && name.toLowerCase() === lengthName;

/** A length that is not the body's has the server take the next request for a part of it, or the reverse. */
function checkLength(headers: HeaderFields, body: RequestBody | undefined, isOpen: boolean): void {
  let count = 0;
  for (const name in headers) {
    if (!isLength(name)) continue;
    const isWhole = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const length = isWhole && !isOpen ? Buffer.byteLength(body ?? "") : undefined;
    const value = headers[name];
    const isNumber = typeof value === "string" && /^\d{1,15}$/.test(value) && ++count === 1;
    if (isNumber && (length === undefined || Number(value) === length)) continue;
    const expected = length === undefined ? "one number of bytes" : `${length}, as the body has`;
    throw invalidRequest("headers", `"content-length": expected ${expected}`);
  }
}

function withAcceptEncoding(headers: HeaderFields): HeaderFields {
  const isSet = Object.keys(headers).some((name) => name.toLowerCase() === "accept-encoding");
  return isSet ? headers : { ...headers, "accept-encoding": acceptEncoding };
}
