import { isIP, type Socket } from "node:net";
import { type Clock, describeValue, optionError, type Timer } from "@king-runtime/core";
import { netErrors } from "../net-errors.ts";
import type { AddressGuard } from "./address-guard.ts";
import { type Connector, tcpConnector } from "./connector.ts";
import { type Resolver, systemResolver } from "./resolver.ts";

/** How {@link dial} makes a connection. */
export interface DialOptions {
  readonly clock: Clock;
  /** Gives up: the call rejects with its reason, and no socket is left. */
  readonly signal?: AbortSignal | undefined;
  /** For resolving the name and all attempts together, in milliseconds. */
  readonly connectTimeoutMs: number;
  /**
   * How long an attempt goes on alone before the next address is tried beside it (RFC 8305, section 5), in
   * milliseconds; 10 at least. @default 250
   */
  readonly attemptDelayMs?: number;
  /** How long IPv4 addresses wait for IPv6 ones (RFC 8305, section 3), in milliseconds. @default 50 */
  readonly resolutionDelayMs?: number;
  /** @default the system's */
  readonly resolver?: Resolver;
  /** @default TCP, without Nagle's algorithm */
  readonly connector?: Connector;
  /** Which hosts and addresses may be connected to. @default all of them */
  readonly guard?: AddressGuard | undefined;
}

const defaults = {
  attemptDelayMs: 250,
  resolutionDelayMs: 50,
  resolver: systemResolver,
  connector: tcpConnector,
};

/** Addresses of a host that are tried; a name may have any number. */
const maxAddresses = 16;

/**
 * Connects to a host by the fastest of its addresses, IPv6 preferred (Happy Eyeballs, RFC 8305): both families are
 * asked for at once, addresses are tried in turns of the families, each a little after the one before it or as
 * soon as that one fails. The first that connects wins; everything else is given up. Of a host with some addresses
 * that `guard` forbids the others are tried.
 *
 * @param host a name, or an address without brackets.
 * @throws {KingError} KING_NET_RESOLVE, KING_NET_CONNECT, KING_NET_FORBIDDEN, KING_NET_TIMEOUT of phase
 * `resolve` or `connect`, KING_OPTION_INVALID; the reason of `signal`.
 */
export async function dial(host: string, port: number, options: DialOptions): Promise<Socket> {
  const settings = { ...defaults, ...options };
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw optionError("port", `expected 1 to 65535, got ${port}`);
  }
  if (!(settings.attemptDelayMs >= 10)) {
    throw optionError("attemptDelayMs", `expected 10 or more, got ${settings.attemptDelayMs}`);
  }
  settings.signal?.throwIfAborted();
  settings.guard?.checkHost(host);
  return await new Dialling(host, port, settings).connected;
}

type Family = 4 | 6;

/** One call of {@link dial} under way. */
class Dialling {
  readonly connected: Promise<Socket>;
  readonly #host: string;
  readonly #port: number;
  readonly #options: DialOptions & typeof defaults;
  readonly #giveUp = new AbortController();
  readonly #deadline: Timer;
  readonly #addresses: Record<Family, string[]> = { 4: [], 6: [] };
  readonly #known = new Set<string>();
  readonly #failures: { address: string; code: string; error: unknown }[] = [];
  readonly #unresolved = new Set<Family>();
  #resolutionDelay: Timer | undefined;
  #attemptDelay: Timer | undefined;
  #isTrying = false;
  /** How many are under way, and how many there were. */
  #attempts = 0;
  #tried = 0;
  #lastFamily: Family = 4;
  #lookupError: unknown;
  #forbidden: unknown;
  #isSettled = false;
  #resolve!: (socket: Socket) => void;
  #reject!: (error: unknown) => void;

  constructor(host: string, port: number, options: DialOptions & typeof defaults) {
    this.#host = host;
    this.#port = port;
    this.#options = options;
    this.connected = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    options.signal?.addEventListener("abort", this.#onAbort);
    const { clock, connectTimeoutMs } = options;
    this.#deadline = clock.after(connectTimeoutMs, () => this.#fail(this.#timeoutError()));
    const family = isIP(host);
    if (family === 0) {
      this.#unresolved.add(6).add(4);
      this.#lookUp(6);
      this.#lookUp(4);
    } else {
      this.#take(family as Family, [host]);
      this.#tryNext();
    }
  }

  async #lookUp(family: Family): Promise<void> {
    let found: readonly string[] = [];
    try {
      found = checkFound(
        await this.#options.resolver.resolve(this.#host, family, this.#giveUp.signal),
      );
    } catch (error) {
      this.#lookupError ??= error;
    }
    if (this.#isSettled) return;
    this.#unresolved.delete(family);
    this.#take(family, found);
    if (this.#isTrying) {
      if (this.#attempts === 0 || this.#attemptDelay === undefined) this.#tryNext();
    } else if (this.#unresolved.size === 0 || this.#addresses[6].length > 0) {
      this.#tryNext();
    } else if (family === 4 && this.#addresses[4].length > 0) {
      const { clock, resolutionDelayMs } = this.#options;
      this.#resolutionDelay = clock.after(resolutionDelayMs, () => this.#tryNext());
    }
  }

  #take(family: Family, found: readonly string[]): void {
    for (const address of found) {
      if (isIP(address) !== family || this.#known.has(address)) continue;
      try {
        this.#options.guard?.checkAddress(this.#host, address);
      } catch (error) {
        this.#forbidden ??= error;
        continue;
      }
      this.#known.add(address);
      this.#addresses[family].push(address);
    }
  }

  /** Tries one more address beside those that are being tried; with none left, it may be over. */
  #tryNext(): void {
    this.#isTrying = true;
    this.#resolutionDelay?.cancel();
    this.#attemptDelay?.cancel();
    this.#attemptDelay = undefined;
    const address = this.#nextAddress();
    if (address === undefined) {
      if (this.#attempts === 0 && this.#unresolved.size === 0) this.#fail(this.#lastError());
      return;
    }
    this.#attempts++;
    this.#tried++;
    if (this.#hasMore || this.#unresolved.size > 0) {
      const { clock, attemptDelayMs } = this.#options;
      this.#attemptDelay = clock.after(attemptDelayMs, () => this.#tryNext());
    }
    // Last, for a connector that throws comes back here before it returns.
    this.#attempt(address);
  }

  get #hasMore(): boolean {
    return this.#tried < maxAddresses && this.#addresses[4].length + this.#addresses[6].length > 0;
  }

  /** The families in turns (RFC 8305, section 4). */
  #nextAddress(): string | undefined {
    if (!this.#hasMore) return undefined;
    const other: Family = this.#lastFamily === 6 ? 4 : 6;
    const family = this.#addresses[other].length > 0 ? other : this.#lastFamily;
    this.#lastFamily = family;
    return this.#addresses[family].shift();
  }

  async #attempt(address: string): Promise<void> {
    try {
      const { connector } = this.#options;
      const socket = checkSocket(await connector(address, this.#port, this.#giveUp.signal));
      this.#attempts--;
      if (this.#isSettled) socket.on("error", () => undefined).destroy();
      else {
        this.#settle();
        this.#resolve(socket);
      }
    } catch (error) {
      this.#attempts--;
      if (this.#isSettled) return;
      this.#failures.push({ address, code: codeOf(error), error });
      this.#tryNext();
    }
  }

  readonly #onAbort = () => this.#fail(this.#options.signal?.reason);

  #fail(error: unknown): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#deadline.cancel();
    this.#resolutionDelay?.cancel();
    this.#attemptDelay?.cancel();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    if (this.#attempts > 0 || this.#unresolved.size > 0) this.#giveUp.abort();
  }

  #timeoutError() {
    const timeoutMs = this.#options.connectTimeoutMs;
    const phase = this.#known.size === 0 ? "resolve" : "connect";
    return netErrors.create(
      "KING_NET_TIMEOUT",
      phase === "resolve"
        ? `expected addresses of ${this.#host} within ${timeoutMs} ms, got none`
        : `expected a connection to ${this.#host} within ${timeoutMs} ms, got none`,
      { phase, timeoutMs },
    );
  }

  #lastError() {
    const host = this.#host;
    if (this.#failures.length > 0) {
      const attempts = this.#failures.map(({ address, code }) => ({ address, code }));
      const told = attempts.map(({ address, code }) => `${address} ${code}`).join(", ");
      const errors = this.#failures.map(({ error }) => error);
      return netErrors.create(
        "KING_NET_CONNECT",
        `${host} port ${this.#port}: expected a connection, got ${told}`,
        { host, port: this.#port, attempts },
        { cause: errors.length === 1 ? errors[0] : new AggregateError(errors) },
      );
    }
    if (this.#forbidden !== undefined) return this.#forbidden;
    const cause = this.#lookupError;
    return netErrors.create(
      "KING_NET_RESOLVE",
      `${host}: expected an address, got ${cause === undefined ? "none" : codeOf(cause)}`,
      { host },
      cause === undefined ? {} : { cause },
    );
  }
}

/** @throws {KingError} KING_OPTION_INVALID for what a resolver of the caller's must not give. */
function checkFound(found: unknown): readonly string[] {
  if (Array.isArray(found)) return found;
  throw optionError("resolver", `expected a list of addresses, got ${describeValue(found)}`);
}

/** @throws {KingError} KING_OPTION_INVALID for what a connector of the caller's must not give. */
function checkSocket(socket: unknown): Socket {
  const { on, destroy } = Object(socket);
  if (typeof on === "function" && typeof destroy === "function") return socket as Socket;
  throw optionError("connector", `expected a socket, got ${describeValue(socket)}`);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : "unknown";
}
