/**
 * Errors of every plane: one class, closed categories, codes owned by the plane that throws them.
 *
 * @packageDocumentation
 */

/** What went wrong in kind; closed, so that a caller can handle a code it has never seen. */
export type ErrorCategory =
  /** An argument, option or message is malformed. */
  | "validation"
  /** The call does not fit the present state of the thing called. */
  | "state"
  /** A deadline of ours passed. */
  | "timeout"
  /** The peer or an operator cancelled the work; the caller's own abort rejects with its `signal.reason`. */
  | "cancelled"
  /** The connection could not be made, or broke. */
  | "network"
  /** The TLS handshake or a certificate was refused. */
  | "tls"
  | "quic"
  /** The peer broke the protocol. */
  | "protocol"
  /** One stream was reset; its session lives on. */
  | "stream"
  /** A bound on size, count or rate was reached. */
  | "limit"
  /** Stored or received data does not match its digest. */
  | "integrity"
  /** A precondition failed, or another writer was first. */
  | "conflict"
  /** The thing named does not exist. */
  | "missing"
  | "unauthorized"
  /** Cannot be done now; later, it may be. */
  | "unavailable"
  /** Cannot be done by this protocol, engine or backend at all. */
  | "unsupported"
  /** A fault of ours. */
  | "internal";

/** Structured facts of an error, safe to log: never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Everything a {@link KingError} carries beside its message. */
export interface KingErrorInit<Code extends string, Details> {
  code: Code;
  category: ErrorCategory;
  /** Whether the same call may succeed when repeated. @default false */
  retryable?: boolean;
  /** Earliest moment worth a retry, in milliseconds from now. */
  retryAfterMs?: number;
  details?: Details;
  cause?: unknown;
}

const brand = Symbol.for("king.error");

/**
 * The one error class. Match on `code`, fall back to `category`.
 *
 * `KingError.is(error)` recognises errors of other copies of this package, `instanceof` does not.
 */
export class KingError<
  Code extends string = string,
  Details extends ErrorDetails = ErrorDetails,
> extends Error {
  override readonly name: string = "KingError";
  /** `KING_<PLANE>_<WHAT>`; documented by the plane that throws it. */
  readonly code: Code;
  readonly category: ErrorCategory;
  /** Whether the same call may succeed when repeated. */
  readonly retryable: boolean;
  /** Earliest moment worth a retry, in milliseconds from now. */
  declare readonly retryAfterMs?: number;
  readonly details: Details;
  /** @internal */
  readonly [brand] = true;

  constructor(message: string, init: KingErrorInit<Code, Details>) {
    super(message, "cause" in init ? { cause: init.cause } : undefined);
    this.code = init.code;
    this.category = init.category;
    this.retryable = init.retryable ?? false;
    if (init.retryAfterMs !== undefined) this.retryAfterMs = init.retryAfterMs;
    this.details = Object.freeze({ ...init.details }) as Details;
  }

  /** Whether `value` is a KingError of any copy of this package, and of `code` when one is given. */
  static is<Code extends string = string>(value: unknown, code?: Code): value is KingError<Code> {
    return (
      value instanceof Error &&
      brand in value &&
      (code === undefined || (value as KingError).code === code)
    );
  }

  /** What a log line needs: no stack, no cause. */
  toJSON(): Record<string, unknown> {
    return {
      name: this.name,
      code: this.code,
      category: this.category,
      message: this.message,
      retryable: this.retryable,
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
      details: this.details,
    };
  }
}

/** One documented code: its category, whether a retry helps, and (in the type only) its details. */
export interface ErrorCode<Details extends ErrorDetails = ErrorDetails> {
  readonly category: ErrorCategory;
  readonly retryable: boolean;
  /** Present in the type alone. */
  readonly "~details"?: Details;
}

/**
 * Declares one code of {@link defineErrors}. Its doc comment is its row in `docs/errors.md`: the
 * first sentence says when it is thrown, `@remedy` what to do.
 */
/* @__NO_SIDE_EFFECTS__ */
export function errorCode<Details extends ErrorDetails = Record<never, never>>(
  category: ErrorCategory,
  options?: { retryable?: boolean },
): ErrorCode<Details> {
  return { category, retryable: options?.retryable ?? false };
}

type DetailsOf<C> = C extends ErrorCode<infer D> ? D : never;

/** The error codes of one plane. */
export interface ErrorTable<Codes extends Record<string, ErrorCode>> {
  readonly codes: Codes;
  /** Makes an error of `code`; the message says what was expected and what came. */
  create<Code extends keyof Codes & string>(
    code: Code,
    message: string,
    details: DetailsOf<Codes[Code]>,
    options?: { cause?: unknown; retryAfterMs?: number },
  ): KingError<Code, DetailsOf<Codes[Code]>>;
  /** Whether `value` is an error of this plane, and of `code` when one is given. */
  is<Code extends keyof Codes & string>(
    value: unknown,
    code?: Code,
  ): value is KingError<Code, DetailsOf<Codes[Code]>>;
}

/** Declares the closed set of codes that one plane throws. */
/* @__NO_SIDE_EFFECTS__ */
export function defineErrors<const Codes extends Record<string, ErrorCode>>(
  codes: Codes,
): ErrorTable<Codes> {
  return {
    codes,
    create(code, message, details, options) {
      const spec = codes[code] as ErrorCode;
      return new KingError(message, {
        ...options,
        code,
        category: spec.category,
        retryable: spec.retryable,
        details,
      });
    },
    is<Code extends keyof Codes & string>(
      value: unknown,
      code?: Code,
    ): value is KingError<Code, DetailsOf<Codes[Code]>> {
      return KingError.is(value, code) && Object.hasOwn(codes, value.code);
    },
  };
}
