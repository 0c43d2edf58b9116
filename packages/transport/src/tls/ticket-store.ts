import {
  type Clock,
  checkObject,
  describeValue,
  optionError,
  type TicketStore,
  unknownOption,
} from "@king-runtime/core";

/** Options of {@link createTicketStore}. */
export interface TicketStoreOptions {
  /** Tickets kept; of the origin that was not used for longest the oldest gives way. @default 1_000 */
  readonly maxEntries?: number;
  readonly clock: Clock;
}

const knownOptions = ["maxEntries", "clock"];

/** As many connections to one origin can be resumed at a time; servers give two tickets or so for each. */
const maxPerOrigin = 4;

/** A session with its certificate has about a kilobyte; a server may make it as large as it likes. */
const maxTicketBytes = 16_384;

interface Ticket {
  readonly bytes: Uint8Array;
  readonly expiresAt: number;
}

/**
 * Keeps session tickets in memory, the four newest of each origin. Each is given out once, the newest first, and
 * none that has expired. Tickets of more than 16 KiB are not kept.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function createTicketStore(options: TicketStoreOptions): TicketStore {
  checkObject("options", options);
  const unknown = Object.keys(options).find((name) => !knownOptions.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, knownOptions);
  const { maxEntries = 1_000, clock } = options;
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    const got = describeValue(maxEntries);
    throw optionError("maxEntries", `expected a whole number, 1 or more, got ${got}`);
  }
  if (typeof clock?.now !== "function") {
    throw optionError("clock", `expected a clock, got ${describeValue(clock)}`);
  }
  /** The origin used last is the last, and so is the newest of its tickets. */
  const origins = new Map<string, Ticket[]>();
  let count = 0;

  /** Takes the live tickets of an origin out. */
  const remove = (origin: string): Ticket[] => {
    const tickets = origins.get(origin);
    if (tickets === undefined) return [];
    origins.delete(origin);
    count -= tickets.length;
    const now = clock.now();
    return tickets.filter(({ expiresAt }) => expiresAt > now);
  };
  const insert = (origin: string, tickets: Ticket[]) => {
    if (tickets.length === 0) return;
    origins.set(origin, tickets);
    count += tickets.length;
  };

  return {
    put(origin, ticket, expiresAt) {
      if (ticket.byteLength > maxTicketBytes || !(expiresAt > clock.now())) return;
      const tickets = remove(origin);
      tickets.push({ bytes: Uint8Array.from(ticket), expiresAt });
      insert(origin, tickets.slice(-maxPerOrigin));
      while (count > maxEntries) {
        const [stalest] = origins.entries().next().value as [string, Ticket[]];
        const left = origins.get(stalest) as Ticket[];
        left.shift();
        count--;
        if (left.length === 0) origins.delete(stalest);
      }
    },
    take(origin) {
      const tickets = remove(origin);
      const newest = tickets.pop();
      insert(origin, tickets);
      return newest?.bytes;
    },
  };
}
