import diagnostics from "node:diagnostics_channel";
import { type ExchangeHandler, KingError } from "@king-runtime/core";
import { publishAccess } from "./access-event.ts";
import { httpErrors } from "./errors.ts";
import type { HttpExchange } from "./http-exchange.ts";
import type { HttpLimits } from "./limits.ts";
import type { Problem } from "./problem.ts";
import { ServerTelemetry } from "./telemetry.ts";

const requests = diagnostics.channel("king:transport:request");

/** Has exchanges served by the handler, and answers where it does not. */
export class ExchangeService {
  readonly #handler: ExchangeHandler;
  readonly #limits: HttpLimits;
  readonly #onHandlerError: (error: unknown) => void;
  readonly #telemetry = new ServerTelemetry();

  constructor(
    handler: ExchangeHandler,
    limits: HttpLimits,
    onHandlerError: (error: unknown) => void,
  ) {
    this.#handler = handler;
    this.#limits = limits;
    this.#onHandlerError = onHandlerError;
  }

  /** Serves `exchange`, or answers with the problem that it was `refused` for. */
  serve(exchange: HttpExchange, refused?: Problem): void {
    if (requests.hasSubscribers) requests.publish({ exchange });
    publishAccess(exchange, this.#limits.clock);
    const problem = refused ?? this.#overLimit(exchange);
    if (!this.#telemetry.observes()) this.#answer(exchange, problem);
    else this.#telemetry.observe(exchange, () => this.#answer(exchange, problem));
  }

  #answer(exchange: HttpExchange, problem: Problem | undefined): void {
    if (problem === undefined) this.#handle(exchange);
    else exchange.answer(problem);
  }

  #overLimit(exchange: HttpExchange): Problem | undefined {
    const { maxUrlBytes, maxHeaderCount, maxBodyBytes } = this.#limits;
    if (exchange.target.length > maxUrlBytes) {
      return { status: 414, detail: `expected a target of at most ${maxUrlBytes} bytes` };
    }
    if (exchange.fieldCount > maxHeaderCount) {
      return { status: 431, detail: `expected at most ${maxHeaderCount} fields` };
    }
    return exchange.announcedBytes > maxBodyBytes ? this.#tooLarge() : undefined;
  }

  #tooLarge(): Problem {
    return { status: 413, detail: `expected a body of at most ${this.#limits.maxBodyBytes} bytes` };
  }

  #handle(exchange: HttpExchange): void {
    try {
      const outcome: unknown = this.#handler(exchange);
      if (!isThenable(outcome)) return;
      outcome.then(
        () => this.#onHandled(exchange),
        (error) => this.#onFailed(exchange, error),
      );
    } catch (error) {
      this.#onFailed(exchange, error);
    }
  }

  #onHandled(exchange: HttpExchange): void {
    if (exchange.responded || exchange.over) return;
    this.#onFailed(exchange, new Error("the handler returned without a response"));
  }

  #onFailed(exchange: HttpExchange, error: unknown): void {
    const { over, wasCut, answered, reason } = exchange;
    const tooLarge = httpErrors.is(error, "KING_HTTP_BODY_LIMIT");
    if (!over && !answered) {
      if (exchange.responded) exchange.abort(error);
      else exchange.answer(tooLarge ? this.#tooLarge() : { status: 500 });
    }
    // What the client did is no fault of the handler's, nor what comes of it.
    const isOwnFault = httpErrors.is(error, "KING_HTTP_BODY_LENGTH");
    const isUnwanted = exchange.discardsBody && KingError.is(error, "KING_STREAM_CLOSED");
    const isClients = isClientsFault(error) || isClientsFault(reason);
    const isTheirs = wasCut || tooLarge || isUnwanted || isClients;
    if (isOwnFault || !isTheirs) this.#tell(error);
  }

  #tell(error: unknown): void {
    try {
      const told: unknown = this.#onHandlerError(error);
      if (isThenable(told)) told.then(undefined, (failure) => console.error(failure));
    } catch (failure) {
      console.error(failure);
    }
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === "function";

/** The client left, broke the protocol, or did not keep a deadline of its own. */
const isClientsFault = (error: unknown): boolean =>
  KingError.is(error, "KING_STREAM_RESET") ||
  httpErrors.is(error, "KING_HTTP_PROTOCOL") ||
  (httpErrors.is(error, "KING_HTTP_TIMEOUT") && error.details.phase !== "response");
