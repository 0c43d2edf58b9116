import { Socket } from "node:net";
import { testClock } from "@king-runtime/testkit";
import { type DialOptions, dial } from "../../src/dial/dial.ts";

/** An error as the system reports it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** One attempt to connect, in the hands of the test. */
export interface Attempt {
  readonly address: string;
  /** When it began, by the clock of the test. */
  readonly atMs: number;
  readonly signal: AbortSignal;
  /** What the caller gets if this one wins. */
  readonly socket: Socket;
  connect(): void;
  refuse(code?: string): void;
}

/** A clock at rest, a resolver and a connector that do what the test says, and what became of it. */
export function dialHarness() {
  const clock = testClock();
  const attempts: Attempt[] = [];
  const lookups = {
    4: Promise.withResolvers<readonly string[]>(),
    6: Promise.withResolvers<readonly string[]>(),
  };
  const asked: (4 | 6)[] = [];
  const options: DialOptions = {
    clock,
    connectTimeoutMs: 10_000,
    resolver: {
      resolve(_, family) {
        asked.push(family);
        return lookups[family].promise;
      },
    },
    connector(address, _, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<Socket>();
      const socket = new Socket();
      attempts.push({
        address,
        atMs: clock.monotonic(),
        signal,
        socket,
        connect: () => resolve(socket),
        refuse: (code = "ECONNREFUSED") => reject(systemError(code)),
      });
      return promise;
    },
  };
  return {
    clock,
    attempts,
    asked,
    lookups,
    /** What was tried and when, such as `"::1 at 250"`. */
    get tried() {
      return attempts.map(({ address, atMs }) => `${address} at ${atMs}`);
    },
    attempt(address: string): Attempt {
      const found = attempts.find((each) => each.address === address);
      if (found === undefined) throw new Error(`${address} was not tried`);
      return found;
    },
    /** Lets what is ready happen. */
    settle: () => clock.advanceAsync(0),
    dial(more: Partial<DialOptions> = {}, host = "host.example") {
      const outcome = dial(host, 443, { ...options, ...more });
      outcome.catch(() => undefined); // looked at later
      return outcome;
    },
  };
}
