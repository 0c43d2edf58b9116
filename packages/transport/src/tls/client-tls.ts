import { constants, createHash, X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from "node:tls";
import { domainToASCII } from "node:url";
import {
  type Clock,
  checkObject,
  KingError,
  optionError,
  type SectionValues,
  type TicketStore,
} from "@king-runtime/core";
import type { tlsSection } from "../config.ts";
import { netErrors, type TlsFailure } from "../net-errors.ts";
import { authoritiesOf } from "./authorities.ts";
import { secureContext, type TlsCertificate } from "./certificate.ts";
import { tlsFailureOf } from "./client-failure.ts";
import { type ClientSession, ClientSessions } from "./client-session.ts";
import { Pins } from "./pins.ts";

/** What a client trusts, and shows of itself. */
export interface ClientTlsOptions {
  /** Certificates to trust instead of those that come with node, PEM. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Certificate chain to show to servers that ask, PEM, the own certificate first. */
  readonly cert?: string | Uint8Array;
  /** Private key of `cert`, PEM. */
  readonly key?: string | Uint8Array;
  /** Of the key, when it is encrypted. */
  readonly passphrase?: string;
  /** Name or address that the server's certificate must be for. @default the host that is connected to */
  readonly serverName?: string;
  /**
   * Keys of which one must be that of the server's certificate, or of one that vouches for it: `"sha256/"` and the
   * Base64 of the SHA-256 of the SubjectPublicKeyInfo (RFC 7469, section 2.6). Checked besides everything else;
   * where `verifyPeer` is off only the server's own certificate counts.
   */
  readonly pins?: readonly string[];
}

const knownOptions = ["ca", "cert", "key", "passphrase", "serverName", "pins"];

/** What {@link ClientTls} works with. */
export interface ClientTlsFacilities {
  readonly clock: Clock;
  /** Where sessions are kept between connections. @default nowhere: every handshake is a full one */
  readonly tickets?: TicketStore | undefined;
}

/** Whom a handshake is with. */
export interface HandshakeTarget {
  /** Name, or address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Application protocols to offer, the best first (RFC 7301). */
  readonly alpn: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** TLS of connections that a client makes; any number of them share what it is made of. */
export class ClientTls {
  readonly #policy: SectionValues<typeof tlsSection>;
  readonly #clock: Clock;
  readonly #tickets: TicketStore | undefined;
  readonly #context: SecureContext;
  readonly #serverName: string | undefined;
  readonly #pins: Pins | undefined;
  readonly #trust: string;

  /**
   * @throws {KingError} KING_OPTION_INVALID; KING_NET_TLS for a certificate that cannot be used with its key, which
   * says nothing of the key but that it is wrong.
   */
  constructor(
    options: ClientTlsOptions,
    policy: SectionValues<typeof tlsSection>,
    { clock, tickets }: ClientTlsFacilities,
  ) {
    checkOptions(options);
    this.#policy = policy;
    this.#clock = clock;
    this.#tickets = tickets;
    this.#serverName = options.serverName;
    this.#pins = options.pins === undefined ? undefined : new Pins("tls.pins", options.pins);
    this.#context = contextOf(options, policy);
    this.#trust = trustOf(options, policy);
  }

  /**
   * Speaks TLS over `socket`, which is destroyed when that fails. Resolves when the server has been verified and its
   * key has been found among the pins. A server may select no application protocol although some are offered: look
   * at `alpnProtocol`. The socket has a listener for errors, which does nothing: one that comes before the caller has
   * its own does no harm.
   *
   * @throws {KingError} KING_NET_TLS, KING_NET_TIMEOUT of phase `tls`; the reason of `signal`.
   */
  async handshake(socket: Socket, to: HandshakeTarget): Promise<TLSSocket> {
    const { host, signal } = to;
    const name = asciiName((this.#serverName ?? host).replace(/\.$/, "").replace(/%.*$/s, ""));
    const until = this.#clock.monotonic() + this.#policy.handshakeTimeoutMs;
    const ignore = () => undefined;
    socket.on("error", ignore);
    try {
      signal?.throwIfAborted();
      const sessions = this.#sessionsOf(to, name);
      const resumable = await sessions?.take();
      signal?.throwIfAborted();
      // Over a socket that is gone node would wait for ever.
      if (socket.destroyed) throw failed(host, socket.errored ?? undefined);
      const secure = this.#connect(socket, to, name, resumable);
      secure.on("error", ignore);
      const handshake = new Handshake(secure, host, {
        clock: this.#clock,
        timeoutMs: this.#policy.handshakeTimeoutMs,
        remainingMs: until - this.#clock.monotonic(),
        signal,
      });
      const keeper = sessions && this.#keepSessions(secure, sessions, resumable);
      await handshake.done;
      this.#checkPins(secure, host);
      keeper?.();
      return secure;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      socket.off("error", ignore);
    }
  }

  #connect(
    socket: Socket,
    { alpn }: HandshakeTarget,
    name: string,
    resumable: ClientSession | undefined,
  ): TLSSocket {
    const { verifyPeer } = this.#policy;
    const options: ConnectionOptions = {
      socket,
      secureContext: this.#context,
      ALPNProtocols: [...alpn],
      rejectUnauthorized: verifyPeer,
      checkServerIdentity: (_, certificate) =>
        verifyPeer ? checkServerIdentity(name, certificate) : undefined,
      // No literals (RFC 6066, section 3).
      servername: isIP(name) === 0 ? name : "",
      ...(resumable === undefined ? {} : { session: resumable.session }),
    };
    return connect(options);
  }

  /** Of a resumed session there is no certificate any more; it was checked when the session began. */
  #checkPins(socket: TLSSocket, host: string): void {
    if (this.#pins === undefined || socket.isSessionReused()) return;
    if (this.#pins.match(socket, this.#policy.verifyPeer)) return;
    throw netErrors.create(
      "KING_NET_TLS",
      `${host}: expected a certificate with a pinned key, got another one`,
      { host, reason: "not-pinned" },
    );
  }

  #sessionsOf({ host, port, alpn }: HandshakeTarget, name: string): ClientSessions | undefined {
    if (this.#tickets === undefined) return undefined;
    const key = JSON.stringify([`${host}:${port}`, name, alpn, this.#trust]);
    return new ClientSessions(this.#tickets, key, this.#clock);
  }

  /** Has sessions kept as they come; those that come before the server is known to be right wait. */
  #keepSessions(
    socket: TLSSocket,
    sessions: ClientSessions,
    resumed: ClientSession | undefined,
  ): () => void {
    const early: Buffer[] = [];
    let goodUntil: number | undefined;
    socket.on("session", (session: Buffer) => {
      if (goodUntil === undefined) {
        if (early.length < 4) early.push(session);
      } else sessions.put({ session, goodUntil });
    });
    return () => {
      const isResumed = resumed !== undefined && socket.isSessionReused();
      goodUntil = isResumed ? resumed.goodUntil : this.#goodUntil(socket);
      // A session of TLS 1.2 may be resumed again, and its server hardly gives another.
      if (isResumed && socket.getProtocol() === "TLSv1.2") early.unshift(resumed.session);
      for (const session of early) sessions.put({ session, goodUntil });
    };
  }

  #goodUntil(socket: TLSSocket): number {
    const { ticketLifetimeMs, verifyPeer } = this.#policy;
    const lifetime = this.#clock.now() + ticketLifetimeMs;
    const { valid_to: validTo } = socket.getPeerCertificate();
    return verifyPeer && validTo !== undefined ? Math.min(lifetime, Date.parse(validTo)) : lifetime;
  }
}

/** A handshake that is under way: its outcome, and nothing left of it afterwards. */
class Handshake {
  readonly done: Promise<void>;

  constructor(
    socket: TLSSocket,
    host: string,
    options: {
      clock: Clock;
      timeoutMs: number;
      remainingMs: number;
      signal?: AbortSignal | undefined;
    },
  ) {
    const { clock, timeoutMs, remainingMs, signal } = options;
    this.done = new Promise((resolve, reject) => {
      const settle = () => {
        timer.cancel();
        socket.off("secureConnect", onSecure).off("error", onError).off("close", onClose);
        signal?.removeEventListener("abort", onAbort);
      };
      const fail = (error: unknown) => {
        settle();
        socket.destroy();
        reject(error);
      };
      const onSecure = () => {
        settle();
        resolve();
      };
      const onError = (error: Error) => fail(failed(host, error));
      const onClose = () => fail(failed(host, undefined));
      const onAbort = () => fail(signal?.reason);
      const timer = clock.after(remainingMs, () => {
        fail(
          netErrors.create(
            "KING_NET_TIMEOUT",
            `expected a TLS handshake with ${host} within ${timeoutMs} ms`,
            { phase: "tls", timeoutMs },
          ),
        );
      });
      socket.on("secureConnect", onSecure).on("error", onError).on("close", onClose);
      signal?.addEventListener("abort", onAbort);
    });
  }
}

/** What servers are asked for (RFC 6066, section 3) and certificates have; what cannot be one stays as it is. */
const asciiName = (name: string) => (/[^\0-\x7f]/.test(name) ? domainToASCII(name) || name : name);

function failed(host: string, cause: Error | undefined) {
  const reason: TlsFailure = tlsFailureOf(cause) ?? "handshake";
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "the end of the connection";
  return netErrors.create(
    "KING_NET_TLS",
    `${host}: expected a TLS handshake, got ${code} (${reason})`,
    { host, reason },
    cause === undefined ? {} : { cause },
  );
}

function contextOf(
  options: ClientTlsOptions,
  { minVersion }: SectionValues<typeof tlsSection>,
): SecureContext {
  const { ca, cert, key, passphrase } = options;
  const policy: SecureContextOptions = {
    minVersion,
    // A server of TLS 1.2 could show another certificate, which no pin has seen (RFC 9113, section 9.2.1).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(ca === undefined ? {} : { ca: authoritiesOf("tls.ca", ca).map((each) => each.toString()) }),
  };
  if (cert === undefined || key === undefined) return createSecureContext(policy);
  const own: TlsCertificate = { cert, key, ...(passphrase === undefined ? {} : { passphrase }) };
  try {
    return secureContext(own, "tls", policy);
  } catch (cause) {
    if (!KingError.is(cause)) throw cause;
    throw netErrors.create(
      "KING_NET_TLS",
      cause.message,
      { reason: "client-certificate" },
      { cause: cause.cause },
    );
  }
}

/** Tells apart what servers are verified by and what is shown to them: sessions never go from one to another. */
function trustOf(
  { ca, cert, pins = [] }: ClientTlsOptions,
  { minVersion, verifyPeer }: SectionValues<typeof tlsSection>,
): string {
  const authorities = ca && authoritiesOf("tls.ca", ca).map((each) => each.fingerprint256);
  const shown = cert && new X509Certificate(cert).fingerprint256;
  const facts = JSON.stringify([authorities, shown, pins, minVersion, verifyPeer]);
  return createHash("sha256").update(facts).digest("base64url");
}

function checkOptions(options: ClientTlsOptions): void {
  checkObject("tls", options);
  const unknown = Object.keys(options).find((name) => !knownOptions.includes(name));
  if (unknown !== undefined) {
    throw optionError(`tls.${unknown}`, `expected one of ${knownOptions.join(", ")}`);
  }
  const { cert, key, passphrase, serverName } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw optionError("tls.key", "expected it with cert, and only then");
  }
  if (passphrase !== undefined && (typeof passphrase !== "string" || key === undefined)) {
    throw optionError("tls.passphrase", "expected a string, with cert and key only");
  }
  const isName =
    typeof serverName === "string" && serverName !== "" && !/[\s\p{C}]/u.test(serverName);
  if (serverName !== undefined && !isName) {
    throw optionError("tls.serverName", "expected a host name or an address");
  }
}
