import {
  defineSection,
  describeValue,
  enumKey,
  integerKey,
  optionError,
  resolveOptions,
  type SectionValues,
  streamErrors,
} from "@king-runtime/core";
import type { ExchangeOptions } from "../exchange-options.ts";
import type { HttpClientResponse } from "../http-client-response.ts";
import { Turns } from "./turns.ts";

/** One request of {@link requestMany}. */
export interface ManyRequest extends ExchangeOptions {
  readonly url: string | URL;
}

/** What became of one request; `index` is its place in what was given. */
export type ManyOutcome =
  | { readonly index: number; readonly response: HttpClientResponse; readonly error?: undefined }
  | { readonly index: number; readonly response?: undefined; readonly error: unknown };

/** Options of {@link requestMany}. */
export interface RequestManyOptions {
  /** Exchanges under way at a time, 1 to 10,000; up to four times as many requests are taken ahead. @default 16 */
  concurrency?: number;
  /** Of these, the most with one origin, 1 to 10,000. @default 6 */
  perOrigin?: number;
  /**
   * `"completion"` gives each outcome when it is there; `"input"` in the order of the requests, and later ones
   * wait, still under way, until the earlier have come. @default "completion"
   */
  order?: "completion" | "input";
  /** Ends everything, also responses that were handed out; the loop rejects with its reason. */
  signal?: AbortSignal;
}

/** What {@link requestMany} asks of a client. */
export interface Requester {
  request(url: string | URL, options?: ExchangeOptions): Promise<HttpClientResponse>;
}

const manySection = defineSection("requestMany", {
  concurrency: integerKey({ default: 16, min: 1, max: 10_000, doc: "Exchanges at a time." }),
  perOrigin: integerKey({ default: 6, min: 1, max: 10_000, doc: "With one origin." }),
  order: enumKey({ values: ["completion", "input"], default: "completion", doc: "Of outcomes." }),
});

/**
 * Makes many requests, some at a time, and gives what becomes of each: a failure ends none of the others.
 *
 * An exchange is under way until its response has been read or disposed of; the loop's body is where to do that, or
 * where to hand it to somebody who does. One that is left unread holds its place, and when all places are held so,
 * nothing goes on. Within what is taken ahead, the origin with the fewest exchanges under way is next, and origins
 * with as few take turns. Leaving the loop cancels what has not been handed out; responses that were belong to the
 * caller.
 *
 * ```ts
 * for await (const { index, response, error } of requestMany(client, urls.map((url) => ({ url })))) {
 *   if (error === undefined) console.log(index, response.status, await response.text());
 * }
 * ```
 *
 * @param requests taken as there is room for them; what it throws, the loop throws.
 * @throws {KingError} KING_OPTION_INVALID at once.
 */
export function requestMany(
  client: Requester,
  requests: Iterable<ManyRequest> | AsyncIterable<ManyRequest>,
  options: RequestManyOptions = {},
): AsyncIterable<ManyOutcome> {
  const limits = resolveOptions(manySection, options, { others: ["signal"] });
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw optionError("signal", "expected an AbortSignal");
  }
  if (typeof requests !== "object" || requests === null || !isIterable(requests)) {
    throw optionError("requests", `expected an iterable, got ${describeValue(requests)}`);
  }
  return {
    [Symbol.asyncIterator]: () => new ManyExchanges(client, requests, limits, signal).run(),
  };
}

const isIterable = (value: object) => Symbol.iterator in value || Symbol.asyncIterator in value;

/** Taken ahead for each exchange that may be under way, so that origins can take turns. */
const lookAheadFactor = 4;

interface Waiting {
  readonly index: number;
  readonly origin: string;
  readonly request: ManyRequest;
}

class ManyExchanges {
  readonly #client: Requester;
  readonly #source: AsyncIterator<ManyRequest> | Iterator<ManyRequest>;
  readonly #limits: SectionValues<typeof manySection>;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting = new Turns<Waiting>();
  /** Origins of what waits, by index; for the order of the input. */
  readonly #origins = new Map<number, string>();
  readonly #underWayBy = new Map<string, number>();
  #underWay = 0;
  /** Ends each exchange that has not been handed out. */
  readonly #cancels = new Set<(reason: unknown) => void>();
  /** Outcomes to hand out, by index, in the order they came. */
  readonly #ready = new Map<number, { outcome: ManyOutcome; handOut: () => void }>();
  #taken = 0;
  #handedOut = 0;
  #isTaking = false;
  #isExhausted = false;
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(
    client: Requester,
    requests: Iterable<ManyRequest> | AsyncIterable<ManyRequest>,
    limits: SectionValues<typeof manySection>,
    signal: AbortSignal | undefined,
  ) {
    this.#client = client;
    this.#limits = limits;
    this.#signal = signal;
    this.#source =
      Symbol.asyncIterator in requests
        ? requests[Symbol.asyncIterator]()
        : requests[Symbol.iterator]();
  }

  async *run(): AsyncGenerator<ManyOutcome, undefined> {
    const signal = this.#signal;
    const onAbort = () => this.#fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (signal?.aborted) onAbort();
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure.error;
        this.#goOn();
        const ready = this.#next();
        if (ready !== undefined) {
          ready.handOut();
          yield ready.outcome;
        } else if (this.#isExhausted && this.#handedOut === this.#taken) {
          return undefined;
        } else if (this.#failure === undefined) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#end();
    }
  }

  #next() {
    const index = this.#limits.order === "input" ? this.#handedOut : firstOf(this.#ready.keys());
    const ready = index === undefined ? undefined : this.#ready.get(index);
    if (index === undefined || ready === undefined) return undefined;
    this.#ready.delete(index);
    this.#handedOut++;
    return ready;
  }

  /** Starts what may be started, and takes more. */
  #goOn(): void {
    if (this.#isOver || this.#failure !== undefined) return;
    for (;;) {
      const waiting = this.#toStart();
      if (waiting !== undefined) this.#start(waiting);
      else if (!this.#takesOne()) return;
    }
  }

  #toStart(): Waiting | undefined {
    if (this.#underWay >= this.#limits.concurrency) return undefined;
    // What is to be handed out next goes first: all that waits for it holds a place.
    const next = this.#limits.order === "input" ? this.#origins.get(this.#handedOut) : undefined;
    const { perOrigin } = this.#limits;
    if (next !== undefined && this.#loadOf(next) < perOrigin) return this.#waiting.shiftOf(next);
    // Turns alone would leave origins that do not answer with more places each time.
    return this.#waiting.shift((origin) => this.#loadOf(origin), perOrigin);
  }

  #loadOf(origin: string): number {
    return this.#underWayBy.get(origin) ?? 0;
  }

  /** Whether one more request was taken, which takes no waiting where they come from an iterable. */
  #takesOne(): boolean {
    const isFull = this.#waiting.size >= this.#limits.concurrency * lookAheadFactor;
    if (isFull || this.#isTaking || this.#isExhausted) return false;
    const next = this.#nextOf(this.#source);
    if (next === undefined) return false;
    if (!isPending(next)) {
      this.#take(next);
      return !this.#isExhausted;
    }
    this.#isTaking = true;
    next.then(
      (result) => {
        this.#isTaking = false;
        if (this.#isOver) return;
        this.#take(result);
        this.#goOn();
      },
      (error: unknown) => {
        this.#isTaking = false;
        this.#isExhausted = true;
        this.#fail(error);
      },
    );
    return false;
  }

  #nextOf(source: AsyncIterator<ManyRequest> | Iterator<ManyRequest>) {
    try {
      return source.next();
    } catch (error) {
      this.#isExhausted = true;
      this.#fail(error);
      return undefined;
    }
  }

  #take({ done, value }: IteratorResult<ManyRequest>): void {
    if (done) {
      this.#isExhausted = true;
      this.#wake?.();
      return;
    }
    const index = this.#taken++;
    const origin = originOf(value);
    this.#waiting.push(origin, { index, origin, request: value });
    this.#origins.set(index, origin);
  }

  #start({ index, origin, request }: Waiting): void {
    this.#origins.delete(index);
    this.#underWay++;
    this.#underWayBy.set(origin, (this.#underWayBy.get(origin) ?? 0) + 1);
    void this.#exchange(index, request, () => {
      this.#underWay--;
      const left = (this.#underWayBy.get(origin) ?? 0) - 1;
      if (left === 0) this.#underWayBy.delete(origin);
      else this.#underWayBy.set(origin, left);
      this.#goOn();
    });
  }

  async #exchange(index: number, request: ManyRequest, release: () => void): Promise<void> {
    const own = new AbortController();
    let cancel = (reason: unknown) => own.abort(reason);
    const onCancel = (reason: unknown) => cancel(reason);
    this.#cancels.add(onCancel);
    try {
      if (typeof request !== "object" || request === null) {
        throw optionError("requests", `expected objects, got ${describeValue(request)}`);
      }
      const { url, ...options } = request;
      const signals = [own.signal, this.#signal, options.signal].filter(isSignal);
      const response = await this.#client.request(url, {
        ...options,
        signal: AbortSignal.any(signals),
      });
      if (this.#isOver) return void (await response[Symbol.asyncDispose]());
      cancel = () => void response[Symbol.asyncDispose]();
      this.#offer({ index, response }, () => {
        this.#cancels.delete(onCancel);
        if (isWithoutBody(response, options.method)) release();
        // Settled when the body is read or given up.
        else response.trailers.then(release, release);
      });
    } catch (error) {
      this.#cancels.delete(onCancel);
      this.#offer({ index, error }, release);
    }
  }

  #offer(outcome: ManyOutcome, handOut: () => void): void {
    if (this.#isOver) return;
    this.#ready.set(outcome.index, { outcome, handOut });
    this.#wake?.();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  #end(): void {
    this.#isOver = true;
    const reason = this.#failure?.error ?? leftEarly();
    for (const cancel of this.#cancels) cancel(reason);
    this.#cancels.clear();
    this.#ready.clear();
    this.#waiting.clear();
    this.#origins.clear();
    if (this.#isExhausted) return;
    this.#isExhausted = true;
    // Nobody can wait for a source that may never give its next.
    const returned = this.#source.return?.();
    if (returned !== undefined && isPending(returned)) returned.then(undefined, () => undefined);
  }
}

const isPending = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof (value as Partial<PromiseLike<T>>)?.then === "function";

const firstOf = (keys: Iterable<number>): number | undefined => {
  for (const key of keys) return key;
  return undefined;
};

const isSignal = (signal: AbortSignal | undefined): signal is AbortSignal => signal !== undefined;

/** Whose turn a request is; what is no URL is refused by the client. */
function originOf(request: ManyRequest): string {
  const url: unknown = request?.url;
  return (url instanceof URL ? url : URL.parse(String(url)))?.origin ?? "";
}

/** Nothing is to be read of it (RFC 9110, section 6.4.1). */
const isWithoutBody = ({ status, headers }: HttpClientResponse, method?: string): boolean =>
  method === "HEAD" || status === 204 || status === 304 || headers.get("content-length") === "0";

const leftEarly = () =>
  streamErrors.create("KING_STREAM_CLOSED", "the loop over the responses was left", {});
