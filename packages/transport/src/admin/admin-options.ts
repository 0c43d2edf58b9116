import {
  type AdminSection,
  bytesKey,
  type Clock,
  type Config,
  type ConfigExplanation,
  checkObject,
  defineSection,
  describeValue,
  durationKey,
  integerKey,
  type Listener,
  listKey,
  optionError,
  resolveOptions,
  type System,
  systemClock,
} from "@king-runtime/core";
import { tell } from "../tcp/tell.ts";
import type { ListenTlsOptions } from "../tls/listener-tls.ts";
import type { AdminAuth } from "./admin-caller.ts";
import { BoundedWork } from "./bounded-work.ts";

/** A listener of the application; one with `reloadTls` takes other certificates. */
export type AdminListener = Listener & { reloadTls?(tls: ListenTlsOptions): void };

/** Gives the certificates that a listener is to take, such as from the files that it was started with. */
export type LoadTls = (context: {
  readonly signal: AbortSignal;
}) => ListenTlsOptions | Promise<ListenTlsOptions>;

/** Options of `createAdminHandler`. What is not given has no endpoint. */
export interface AdminOptions {
  /** Who may use it; one way at least. */
  auth: AdminAuth;
  /** Whose readiness, status and numbers are told, and which is drained; its components are restarted. */
  system?: System;
  /** Whose settings are shown, secrets redacted. */
  config?: Pick<Config, "explain">;
  /**
   * Whose sessions are shown and closed, by name. Looked at with each request: put the new one in place of one
   * that was restarted.
   */
  listeners?: Readonly<Record<string, AdminListener>>;
  /** What gives a listener's certificates when they are to be reloaded, by the listener's name. */
  reloadTls?: Readonly<Record<string, LoadTls>>;
  /** Pages of the application and its planes. */
  sections?: readonly AdminSection[];
  /** Host names besides `localhost` that clients may ask for over loopback. @default [] */
  allowedHosts?: readonly string[];
  /** Largest body of a request, in bytes. @default 65_536 */
  maxBodyBytes?: number;
  /** Longest wait for a section or for certificates, in milliseconds, where a request names none. @default 30_000 */
  actionTimeoutMs?: number;
  /** Calls of sections and loads of certificates under way at a time; more are answered 503. @default 64 */
  maxPending?: number;
  /** Told of what the application's parts throw; the client gets no details. @default console.error */
  onError?: (error: unknown) => void;
  /** @default systemClock */
  clock?: Clock;
}

/** The longest deadline that a request may name, in milliseconds: an hour. */
export const longestDeadlineMs = 3_600_000;

const adminSection = defineSection("admin", {
  allowedHosts: listKey({ default: [], doc: "Host names that clients may ask for over loopback." }),
  maxBodyBytes: bytesKey({
    default: 65_536,
    min: 1_024,
    max: 16_777_216,
    doc: "Largest request body; more is answered 413.",
  }),
  actionTimeoutMs: durationKey({
    default: 30_000,
    min: 1,
    max: longestDeadlineMs,
    doc: "Longest wait for a section or for certificates.",
  }),
  maxPending: integerKey({
    default: 64,
    min: 1,
    max: 10_000,
    doc: "Calls of the application under way at a time.",
  }),
});

const others: readonly string[] = [
  "auth",
  "system",
  "config",
  "listeners",
  "reloadTls",
  "sections",
  "onError",
  "clock",
];

/** Names of {@link AdminOptions}. */
export const adminOptionNames: readonly string[] = [...others, ...Object.keys(adminSection.keys)];

/** What routes work with. */
export interface AdminSubject {
  readonly system: System | undefined;
  readonly config: { explain(): readonly ConfigExplanation[] } | undefined;
  readonly listeners: Readonly<Record<string, AdminListener>> | undefined;
  readonly reloadTls: ReadonlyMap<string, LoadTls>;
  readonly sections: ReadonlyMap<string, AdminSection>;
  readonly allowedHosts: ReadonlySet<string>;
  readonly maxBodyBytes: number;
  readonly actionTimeoutMs: number;
  readonly work: BoundedWork;
  readonly clock: Clock;
  /** Tells of what went wrong; never throws. */
  readonly report: (error: unknown) => void;
}

/** @throws {KingError} KING_OPTION_INVALID */
export function resolveAdminOptions(options: AdminOptions): AdminSubject {
  checkObject("options", options);
  const settings = resolveOptions(adminSection, options, { others });
  const { system, config, listeners, reloadTls, sections } = options;
  const { onError = console.error, clock = systemClock } = options;
  expectMethods("system", system, ["status", "health", "metrics", "performance", "drain"]);
  expectMethods("config", config, ["explain"]);
  expectMethods("clock", clock, ["now", "monotonic", "after"]);
  if (typeof onError !== "function") throw optionError("onError", "expected a function");
  for (const [name, value] of Object.entries({ listeners, reloadTls })) {
    if (value === undefined || (typeof value === "object" && value !== null)) continue;
    throw optionError(name, `expected an object, got ${describeValue(value)}`);
  }
  return Object.freeze({
    system,
    config,
    listeners,
    reloadTls: loadersOf(reloadTls, listeners !== undefined),
    sections: sectionsOf(sections),
    allowedHosts: new Set(settings.allowedHosts.map(hostOf)),
    maxBodyBytes: settings.maxBodyBytes,
    actionTimeoutMs: settings.actionTimeoutMs,
    work: new BoundedWork(clock, settings.maxPending),
    clock,
    report: (error: unknown) => tell(onError, error),
  });
}

function expectMethods(option: string, value: unknown, methods: readonly string[]): void {
  if (value === undefined) return;
  const members = value as Record<string, unknown> | null;
  if (methods.every((name) => typeof members?.[name] === "function")) return;
  throw optionError(option, `expected a ${option}, got ${describeValue(value)}`);
}

function loadersOf(given: AdminOptions["reloadTls"], hasListeners: boolean): Map<string, LoadTls> {
  const loaders = new Map(Object.entries(given ?? {}));
  if (loaders.size > 0 && !hasListeners) {
    throw optionError("reloadTls", "expected listeners with it, got none");
  }
  for (const [name, load] of loaders) {
    if (typeof load === "function") continue;
    const option = `reloadTls[${JSON.stringify(name)}]`;
    throw optionError(option, `expected a function, got ${describeValue(load)}`);
  }
  return loaders;
}

// Unreserved (RFC 3986, section 2.3), so that a name is its own path segment.
const segment = /^(?!\.{1,2}$)[\w.~-]{1,128}$/;

function sectionsOf(given: AdminOptions["sections"] = []): Map<string, AdminSection> {
  if (!Array.isArray(given)) {
    throw optionError("sections", `expected a list, got ${describeValue(given)}`);
  }
  const sections = new Map<string, AdminSection>();
  for (const [at, section] of (given as readonly AdminSection[]).entries()) {
    const option = `sections[${at}]`;
    expectMethods(option, section ?? null, ["read"]);
    const { name, actions = {} } = section;
    if (typeof name !== "string" || !segment.test(name)) {
      throw optionError(`${option}.name`, `expected a path segment, got ${describeValue(name)}`);
    }
    if (sections.has(name)) throw optionError(`${option}.name`, `expected "${name}" once`);
    for (const [action, act] of Object.entries(actions)) {
      if (segment.test(action) && typeof act === "function") continue;
      const expected = "expected functions by names that are path segments";
      throw optionError(`${option}.actions`, `${expected}, got ${describeValue(action)}`);
    }
    sections.set(name, section);
  }
  return sections;
}

const hostName = /^(\[[\da-f:]+\]|[\w.-]+)$/;

function hostOf(name: string): string {
  const host = name.toLowerCase();
  // As the URL standard writes it: anything else would never be found.
  const isHost = hostName.test(host) && URL.canParse(`http://${host}`);
  if (isHost && new URL(`http://${host}`).host === host) return host;
  throw optionError("allowedHosts", `expected host names without port, got ${describeValue(name)}`);
}
