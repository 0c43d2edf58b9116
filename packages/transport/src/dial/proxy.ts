import { type IncomingMessage, request, validateHeaderName, validateHeaderValue } from "node:http";
import { isIPv6, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  type Clock,
  checkObject,
  describeValue,
  type HeaderFields,
  optionError,
  type SectionValues,
  type TicketStore,
} from "@king-runtime/core";
import type { tlsSection } from "../config.ts";
import { netErrors } from "../net-errors.ts";
import { ClientTls, type ClientTlsOptions } from "../tls/client-tls.ts";
import { canonicalHost } from "./canonical-host.ts";
import { type DialOptions, dial } from "./dial.ts";

/** A proxy to make connections through. */
export interface ProxyOptions {
  /**
   * Origin of the proxy, `http:` or `https:`. A user and password in it are its credentials (RFC 7617); no error
   * shows them.
   */
  readonly url: string | URL;
  /** Fields of the CONNECT request besides. */
  readonly headers?: HeaderFields;
  /** Trust in an `https:` proxy. */
  readonly tls?: ClientTlsOptions;
}

const knownOptions = ["url", "headers", "tls"];

/** Fields that the request has of its own, or must not have (RFC 9110, section 9.3.6). */
const ownFields = ["host", "connection", "content-length", "transfer-encoding", "upgrade"];

const maxHeaderBytes = 16_384;

/** What {@link ConnectProxy} works with. */
export interface ProxyFacilities {
  readonly policy: SectionValues<typeof tlsSection>;
  readonly clock: Clock;
  readonly tickets?: TicketStore | undefined;
}

/** Makes connections through an HTTP proxy, by CONNECT (RFC 9110, section 9.3.6). */
export class ConnectProxy {
  /** Without the credentials. */
  readonly origin: string;
  readonly #host: string;
  readonly #port: number;
  readonly #tls: ClientTls | undefined;
  readonly #headers: Record<string, string | string[]>;

  /** @throws {KingError} KING_OPTION_INVALID, KING_NET_TLS */
  constructor(options: ProxyOptions, { policy, clock, tickets }: ProxyFacilities) {
    const url = checkOptions(options);
    const isSecure = url.protocol === "https:";
    this.origin = url.origin;
    this.#host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    this.#port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
    this.#tls = isSecure ? new ClientTls(options.tls ?? {}, policy, { clock, tickets }) : undefined;
    this.#headers = { ...checkHeaders(options.headers), ...authorization(url) };
  }

  /**
   * A connection to `host` by way of the proxy, which resolves the name: `guard` sees the host alone, and addresses
   * only where the host is one. The proxy itself may be anywhere.
   *
   * @param options `connectTimeoutMs` is for all of it but TLS with the proxy.
   * @throws {KingError} KING_NET_PROXY when the proxy refuses, or answers with what is no HTTP; KING_NET_TIMEOUT, of
   * phase `proxy` when it does not answer; KING_NET_FORBIDDEN. Those of {@link dial} and {@link ClientTls} are about
   * the proxy. The reason of `signal`.
   */
  async connect(host: string, port: number, options: DialOptions): Promise<Socket | TLSSocket> {
    const { guard, ...unguarded } = options;
    const { clock, signal, connectTimeoutMs } = options;
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw optionError("port", `expected 1 to 65535, got ${port}`);
    }
    // The same to the guard and to the proxy, whatever either makes of other spellings.
    const name = canonicalHost(host);
    if (name === undefined) {
      throw optionError("host", `expected a name or an address, got ${describeValue(host)}`);
    }
    signal?.throwIfAborted();
    guard?.checkHost(name);
    const began = clock.monotonic();
    const tcp = await dial(this.#host, this.#port, unguarded);
    const dialMs = clock.monotonic() - began;
    const to = { host: this.#host, port: this.#port, alpn: ["http/1.1"], signal };
    const socket = this.#tls === undefined ? tcp : await this.#tls.handshake(tcp, to);
    const authority = `${isIPv6(name) ? `[${name}]` : name}:${port}`;
    return await this.#tunnel(socket, authority, options, connectTimeoutMs - dialMs);
  }

  #tunnel(
    socket: Socket,
    authority: string,
    { clock, signal, connectTimeoutMs }: DialOptions,
    remainingMs: number,
  ): Promise<Socket> {
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = () => {
        isSettled = true;
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
      };
      const fail = (error: unknown) => {
        if (isSettled) return;
        settle();
        reject(error);
        asked.destroy();
        socket.on("error", () => undefined).destroy();
      };
      const onAbort = () => fail(signal?.reason);
      const timer = clock.after(remainingMs, () => {
        const told = `expected an answer of the proxy ${this.origin} within ${connectTimeoutMs} ms`;
        fail(
          netErrors.create("KING_NET_TIMEOUT", told, {
            phase: "proxy",
            timeoutMs: connectTimeoutMs,
          }),
        );
      });
      const asked = request({
        method: "CONNECT",
        path: authority,
        headers: { host: authority, ...this.#headers },
        createConnection: () => socket,
        maxHeaderSize: maxHeaderBytes,
      });
      asked.on("connect", (answer: IncomingMessage, _: unknown, head: Buffer) => {
        const { statusCode = 0 } = answer;
        if (statusCode < 200 || statusCode > 299) return fail(this.#refused(authority, statusCode));
        if (isSettled) return;
        settle();
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      asked.on("error", (cause) => fail(this.#broken(authority, cause)));
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted === true) return onAbort();
      asked.end();
    });
  }

  #refused(authority: string, status: number) {
    return netErrors.create(
      "KING_NET_PROXY",
      `${this.origin}: expected a connection to ${authority}, got ${status}`,
      { proxy: this.origin, status },
    );
  }

  #broken(authority: string, cause: Error) {
    return netErrors.create(
      "KING_NET_PROXY",
      `${this.origin}: expected a connection to ${authority}, got no answer in HTTP`,
      { proxy: this.origin },
      { cause },
    );
  }
}

function checkOptions(options: ProxyOptions): URL {
  checkObject("proxy", options);
  const unknown = Object.keys(options).find((name) => !knownOptions.includes(name));
  if (unknown !== undefined) {
    throw optionError(`proxy.${unknown}`, `expected one of ${knownOptions.join(", ")}`);
  }
  const { url: given } = options;
  const text = typeof given === "string" || given instanceof URL ? String(given) : "";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url?.pathname === "/" && url.search === "" && url.hash === "";
  // What came is not shown: there may be a password in it.
  if (!isOrigin || !(url.protocol === "http:" || url.protocol === "https:") || url.port === "0") {
    throw optionError("proxy.url", "expected the origin of an http: or https: proxy");
  }
  if (options.tls !== undefined && url.protocol === "http:") {
    throw optionError("proxy.tls", "expected it with an https: proxy only");
  }
  return url;
}

function checkHeaders(fields: HeaderFields = {}): Record<string, string | string[]> {
  if (typeof fields !== "object" || fields === null || Symbol.iterator in fields) {
    throw optionError("proxy.headers", "expected an object of names and values");
  }
  const checked: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (ownFields.includes(name.toLowerCase())) {
      throw optionError("proxy.headers", `expected no ${name}`);
    }
    try {
      validateHeaderName(name);
      for (const each of [value].flat()) validateHeaderValue(name, each);
    } catch {
      // The value is not shown: it may be a credential.
      throw optionError(
        "proxy.headers",
        `expected a field that can be sent, got ${describeValue(name)}`,
      );
    }
    checked[name.toLowerCase()] = typeof value === "string" ? value : [...value];
  }
  return checked;
}

/** The credentials of a URL, without the encoding that they have there. */
function authorization({ username, password }: URL): { "proxy-authorization"?: string } {
  if (username === "" && password === "") return {};
  let credentials: [user: string, secret: string] | undefined;
  try {
    credentials = [decodeURIComponent(username), decodeURIComponent(password)];
  } catch {
    // Said below.
  }
  // A user with a colon would end there, and control characters are refused (RFC 7617, section 2).
  if (
    credentials === undefined ||
    credentials[0].includes(":") ||
    /\p{Cc}/u.test(credentials.join(""))
  ) {
    throw optionError(
      "proxy.url",
      "expected credentials in percent-encoded UTF-8, no colon in the user",
    );
  }
  return {
    "proxy-authorization": `Basic ${Buffer.from(credentials.join(":")).toString("base64")}`,
  };
}
