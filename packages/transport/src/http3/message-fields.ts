import { Http3Error, http3Codes } from "./codes.ts";

/** What the head of a request says. */
export interface RequestHead {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** Of an extended CONNECT (RFC 9220). */
  readonly protocol: string | undefined;
  /** Without pseudo-fields, `[name, value, ...]`. */
  readonly fields: readonly string[];
  readonly contentLength: number | undefined;
}

/** What the head of a response says. */
export interface ResponseHead {
  readonly status: number;
  readonly fields: readonly string[];
  readonly contentLength: number | undefined;
}

/** Fields that speak of a connection (RFC 9114, section 4.2). */
const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** A token without capitals (RFC 9114, section 4.2). */
const fieldName = /^[!#$%&'*+\-.^_`|~\da-z]+$/;
const methodName = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is refused
const badValue = /[\u0000\r\n]|^[ \t]|[ \t]$/;
const digits = /^\d{1,15}$/;

/**
 * The head of a request, if it is one (RFC 9114, sections 4.1.2, 4.2, 4.3 and 4.4).
 *
 * @throws {Http3Error} H3_MESSAGE_ERROR.
 */
export function readRequestHead(section: readonly string[]): RequestHead {
  const { pseudo, fields, contentLength } = split(section, requestPseudoFields);
  const method = pseudo.get(":method");
  const scheme = pseudo.get(":scheme");
  const path = pseudo.get(":path");
  const protocol = pseudo.get(":protocol");
  if (method === undefined || !methodName.test(method)) throw malformed(":method: expected one");
  const host = hostOf(fields);
  const authority = pseudo.get(":authority") ?? host ?? "";
  if (host !== undefined && host !== authority) throw malformed("host: expected :authority");
  if (/[\s@/\\?#]/.test(authority)) throw malformed(":authority: expected host and port");
  const isPlainConnect = method === "CONNECT" && protocol === undefined;
  if (protocol !== undefined && method !== "CONNECT")
    throw malformed(":protocol: expected CONNECT");
  if (isPlainConnect) {
    if (scheme !== undefined || path !== undefined || authority === "") {
      throw malformed("CONNECT: expected :authority alone");
    }
    return { method, scheme: "", authority, path: "", protocol, fields, contentLength };
  }
  if (scheme === undefined || !/^[A-Za-z][\w+.-]*$/.test(scheme)) {
    throw malformed(":scheme: expected one");
  }
  if (path === undefined || !isTarget(path, method, scheme)) {
    throw malformed(":path: expected a path");
  }
  if (authority === "" && (scheme === "http" || scheme === "https")) {
    throw malformed(":authority: expected one");
  }
  return { method, scheme, authority, path, protocol, fields, contentLength };
}

/** @throws {Http3Error} H3_MESSAGE_ERROR. */
export function readResponseHead(section: readonly string[]): ResponseHead {
  const { pseudo, fields, contentLength } = split(section, responsePseudoFields);
  const status = pseudo.get(":status");
  if (status === undefined || !/^[1-9]\d\d$/.test(status)) throw malformed(":status: expected one");
  // A protocol is not changed this way (RFC 9114, section 4.5).
  if (status === "101") throw malformed(":status: expected another than 101");
  return { status: Number(status), fields, contentLength };
}

/** @throws {Http3Error} H3_MESSAGE_ERROR. */
export function readTrailers(section: readonly string[]): readonly string[] {
  return split(section, noPseudoFields).fields;
}

const requestPseudoFields = new Set([":method", ":scheme", ":authority", ":path", ":protocol"]);
const responsePseudoFields = new Set([":status"]);
const noPseudoFields: ReadonlySet<string> = new Set();

function split(section: readonly string[], known: ReadonlySet<string>) {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  let contentLength: number | undefined;
  for (let i = 0; i < section.length; i += 2) {
    const name = section[i] as string;
    const value = section[i + 1] as string;
    if (badValue.test(value)) throw malformed(`${quoted(name)}: expected another value`);
    if (name.startsWith(":")) {
      if (!known.has(name) || pseudo.has(name) || fields.length > 0) {
        throw malformed(`${quoted(name)}: expected known pseudo-fields, once each, before others`);
      }
      pseudo.set(name, value);
      continue;
    }
    if (!fieldName.test(name)) throw malformed(`${quoted(name)}: expected a name in lower case`);
    if (connectionFields.has(name) || (name === "te" && value !== "trailers")) {
      throw malformed(`${quoted(name)}: expected no field of a connection`);
    }
    if (name === "content-length") {
      if (!digits.test(value) || (contentLength ?? Number(value)) !== Number(value)) {
        throw malformed("content-length: expected one number");
      }
      contentLength = Number(value);
    }
    fields.push(name, value);
  }
  return { pseudo, fields, contentLength };
}

function hostOf(fields: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== "host") continue;
    if (found !== undefined) throw malformed("host: expected it once");
    found = fields[i + 1];
  }
  return found;
}

function isTarget(path: string, method: string, scheme: string): boolean {
  if (/[\s#]/.test(path)) return false;
  if (path.startsWith("/")) return true;
  if (path === "*") return method === "OPTIONS";
  // Other schemes have paths of other shapes.
  return scheme !== "http" && scheme !== "https" && path !== "";
}

const quoted = (name: string) => JSON.stringify(name.slice(0, 40));

const malformed = (message: string) => new Http3Error(http3Codes.messageError, message);
