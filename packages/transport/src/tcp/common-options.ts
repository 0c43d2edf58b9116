import { type Clock, describeValue, type Listener, optionError } from "@king-runtime/core";

/** @throws {KingError} KING_OPTION_INVALID */
export function checkHost(host: unknown): asserts host is string {
  if (typeof host === "string" && host !== "") return;
  throw optionError("host", `expected a name or address, got ${describeValue(host)}`);
}

/** @throws {KingError} KING_OPTION_INVALID */
export function checkPort(port: unknown, least: 0 | 1): asserts port is number {
  if (Number.isInteger(port) && (port as number) >= least && (port as number) <= 65_535) return;
  throw optionError(
    "port",
    `expected an integer from ${least} to 65535, got ${describeValue(port)}`,
  );
}

/** @throws {KingError} KING_OPTION_INVALID */
export function checkClock(clock: Clock): void {
  const members = ["now", "monotonic", "after", "every"] as const;
  if (members.every((name) => typeof clock?.[name] === "function")) return;
  throw optionError("clock", `expected a clock, got ${describeValue(clock)}`);
}

/** @throws {KingError} KING_OPTION_INVALID */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw optionError("signal", "expected an AbortSignal");
}

/** Has `listener` closed when `signal` aborts. */
export function closeOnAbort(listener: Listener, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const onAbort = () => void listener.close();
  signal.addEventListener("abort", onAbort, { once: true });
  listener.closed.then(() => signal.removeEventListener("abort", onAbort));
  if (signal.aborted) onAbort();
}

/** Keys of a section that only a listener reads, and only a client. */
export const serverOptions = ["allow", "deny", "maxSessions", "backlog", "reusePort"] as const;
export const clientOptions = ["connectTimeoutMs", "resolveTimeoutMs"] as const;

/** @throws {KingError} KING_OPTION_INVALID for a key of the section that would be read by nobody here. */
export function refuseOptions(options: object, names: readonly string[]): void {
  const found = names.find((name) => (options as Record<string, unknown>)[name] !== undefined);
  if (found !== undefined) throw optionError(found, "no option of this side of a connection");
}
