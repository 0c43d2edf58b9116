import { constants, createHash } from "node:crypto";
import type { SecureContext, SecureContextOptions, Server, TlsOptions } from "node:tls";
import { type Clock, checkObject, optionError, type SectionValues } from "@king-runtime/core";
import type { tlsSection } from "../config.ts";
import { authoritiesOf } from "./authorities.ts";
import { secureContext, type TlsCertificate } from "./certificate.ts";
import { TicketKeys } from "./ticket-keys.ts";

/** TLS of a listener. */
export interface ListenTlsOptions extends TlsCertificate {
  /**
   * Certificates for clients that ask for a name (RFC 6066, section 3): by host name, or by `*.` and a
   * host name for all names with one label more. Others get the one above.
   */
  readonly serverNames?: Readonly<Record<string, TlsCertificate>>;
  /**
   * Whether clients are asked for a certificate of their own. `"request"` also serves those without one:
   * look at `session.tls.peerVerified`. Stays as it is when the certificates are reloaded.
   *
   * @default "none"
   */
  readonly clientCertificates?: "none" | "request" | "require";
  /** Who may have issued clients' certificates, PEM. To be given with `clientCertificates`. */
  readonly clientCa?: string | Uint8Array | readonly (string | Uint8Array)[];
}

const knownOptions = ["cert", "key", "passphrase", "serverNames", "clientCertificates", "clientCa"];
const knownCertificateOptions = knownOptions.slice(0, 3);
const hostName = /^(\*\.)?[a-z\d_]([a-z\d_-]*[a-z\d_])?(\.[a-z\d_]([a-z\d_-]*[a-z\d_])?)*$/;

/** The certificates of a listener, which can be replaced while connections are open. */
export class ListenerTls {
  readonly #policy: SectionValues<typeof tlsSection>;
  readonly #clock: Clock;
  readonly #tickets: TicketKeys;
  readonly #clientCertificates: NonNullable<ListenTlsOptions["clientCertificates"]>;
  readonly #alpn: readonly string[];
  #contexts: ReadonlyMap<string, SecureContext>;
  #options: ListenTlsOptions;
  #server: Server | undefined;

  /**
   * @param alpn application protocols to choose from, those to prefer first; without any, none is negotiated.
   * @throws {KingError} KING_HTTP_TLS, KING_OPTION_INVALID
   */
  constructor(
    options: ListenTlsOptions,
    policy: SectionValues<typeof tlsSection>,
    clock: Clock,
    alpn: readonly string[] = ["h2", "http/1.1"],
  ) {
    checkOptions(options);
    this.#alpn = alpn;
    this.#policy = policy;
    this.#clock = clock;
    this.#tickets = new TicketKeys(policy.ticketSecret, policy.ticketRotationMs);
    this.#clientCertificates = options.clientCertificates ?? "none";
    this.#contexts = this.#contextsOf(options);
    this.#options = options;
  }

  /** What node's server is made with. */
  get serverOptions(): TlsOptions {
    const { handshakeTimeoutMs } = this.#policy;
    return {
      ...this.#contextOptions(this.#options),
      handshakeTimeout: handshakeTimeoutMs,
      ...(this.#alpn.length === 0 ? {} : { ALPNProtocols: [...this.#alpn] }),
      SNICallback: (name, done) => done(null, this.#contextFor(name)),
      requestCert: this.#clientCertificates !== "none",
      rejectUnauthorized: this.#clientCertificates === "require",
    };
  }

  /** The server that {@link serverOptions} went into. */
  attach(server: Server): void {
    this.#server = server;
  }

  /**
   * Takes other certificates for connections to come; those that are open keep what they have.
   *
   * @throws {KingError} KING_HTTP_TLS, KING_OPTION_INVALID; everything then stays as it was.
   */
  reload(options: ListenTlsOptions): void {
    checkOptions(options);
    const { clientCertificates = "none" } = options;
    if (clientCertificates !== this.#clientCertificates) {
      throw optionError(
        "tls.clientCertificates",
        `expected ${this.#clientCertificates} as before, got ${clientCertificates}`,
      );
    }
    const contexts = this.#contextsOf(options);
    this.#server?.setSecureContext(this.#contextOptions(options));
    this.#contexts = contexts;
    this.#options = options;
  }

  /** Takes the next ticket key when it is time. */
  sweep(): void {
    const now = this.#clock.now();
    if (!this.#tickets.isOver(now)) return;
    this.#server?.setTicketKeys(this.#tickets.at(now, trustOf(this.#options)));
  }

  #contextFor(name: string): SecureContext | undefined {
    const exact = name.toLowerCase();
    return this.#contexts.get(exact) ?? this.#contexts.get(exact.replace(/^[^.]*/, "*"));
  }

  /** A context for each name, all of them looked at before any is used. */
  #contextsOf(options: ListenTlsOptions): Map<string, SecureContext> {
    const policy = this.#policyOptions(options);
    secureContext(options, "tls", policy);
    const contexts = new Map<string, SecureContext>();
    for (const [name, certificate] of Object.entries(options.serverNames ?? {})) {
      const option = `tls.serverNames[${JSON.stringify(name)}]`;
      checkKeys(certificate, option, knownCertificateOptions);
      if (!hostName.test(name.toLowerCase())) {
        throw optionError(option, "expected a host name, or *. and one");
      }
      contexts.set(name.toLowerCase(), secureContext(certificate, option, policy));
    }
    return contexts;
  }

  #policyOptions({ clientCa }: ListenTlsOptions): SecureContextOptions {
    const { minVersion, ciphers } = this.#policy;
    return {
      minVersion,
      honorCipherOrder: true,
      // Costs us more than who asks, and HTTP/2 has none (RFC 9113, section 9.2.1).
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(clientCa === undefined ? {} : { ca: clientCa as string | Buffer | (string | Buffer)[] }),
    };
  }

  #contextOptions(options: ListenTlsOptions): SecureContextOptions & TlsOptions {
    const { cert, key, passphrase } = options;
    return {
      ...this.#policyOptions(options),
      cert: cert as string | Buffer,
      key: key as string | Buffer,
      ...(passphrase === undefined ? {} : { passphrase }),
      // Otherwise node makes one of the command line, and processes do not know each other's tickets.
      sessionIdContext: trustOf(options).slice(0, 32),
      sessionTimeout: Math.ceil(this.#policy.ticketLifetimeMs / 1_000),
      ticketKeys: this.#tickets.at(this.#clock.now(), trustOf(options)),
    };
  }
}

/** Tells listeners apart whose clients are verified in different ways; the same in all processes. */
function trustOf({ clientCertificates = "none", clientCa }: ListenTlsOptions): string {
  const hash = createHash("sha256").update(clientCertificates);
  const authorities = clientCa === undefined ? [] : authoritiesOf("tls.clientCa", clientCa);
  for (const each of authorities) hash.update(each.raw);
  return hash.digest("hex");
}

function checkOptions(options: ListenTlsOptions): void {
  checkKeys(options, "tls", knownOptions);
  const { clientCertificates = "none", clientCa, serverNames = {} } = options;
  if (!["none", "request", "require"].includes(clientCertificates)) {
    throw optionError("tls.clientCertificates", 'expected "none", "request" or "require"');
  }
  // Without, any authority that the system trusts for servers could make clients.
  if ((clientCa === undefined) !== (clientCertificates === "none")) {
    throw optionError("tls.clientCa", "expected it with clientCertificates, and only then");
  }
  if (clientCa !== undefined) authoritiesOf("tls.clientCa", clientCa);
  checkObject("tls.serverNames", serverNames);
}

function checkKeys(value: TlsCertificate, option: string, known: readonly string[]): void {
  if (typeof value !== "object" || value === null || !value.cert || !value.key) {
    throw optionError(option, "expected an object with cert and key");
  }
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw optionError(`${option}.${unknown}`, `expected one of ${known.join(", ")}`);
}
