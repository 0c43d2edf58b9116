import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";

// Node 26 aborts the process in two cases that a server can bring about. Both are kept from happening by members
// that node does not publish; where it has them no longer, nothing is done.

/** A member of `of` or of what it inherits from, by the name it has inside node. */
export function innerSymbol(of: object, name: string): symbol | undefined {
  for (let each: object | null = of; each !== null; each = Object.getPrototypeOf(each)) {
    const found = Object.getOwnPropertySymbols(each).find(
      ({ description }) => description === name,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

let handle: symbol | undefined;
let maybeDestroy: symbol | undefined;

const life = Symbol("king.life");
/** Holds the native session until its streams are gone. */
const outlived = new FinalizationRegistry<unknown>(() => undefined);

/**
 * Has node's part of a session outlive those of its streams. Of a block of fields that is not complete, a stream keeps
 * memory of its session; where both are collected at once and the session goes first, node aborts
 * (`current_nghttp2_memory_ == 0`).
 */
export class NativeLife {
  readonly #session: ClientHttp2Session;
  /** Lives as long as any of the streams that have it: held here, it would hold what it is to let go of. */
  #token: WeakRef<object> | undefined;

  constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  /** To be called once node has made its part of `stream`. */
  outlive(stream: ClientHttp2Stream): void {
    handle ??= innerSymbol(this.#session, "kHandle");
    if (handle === undefined) return;
    const inner: unknown = Reflect.get(stream, handle);
    if (typeof inner !== "object" || inner === null) return;
    let token = this.#token?.deref();
    if (token === undefined) {
      token = {};
      this.#token = new WeakRef(token);
      outlived.register(token, Reflect.get(this.#session, handle));
    }
    Reflect.set(inner, life, token);
  }
}

/**
 * Has node destroy a stream that is reset when the reset is out, and not when both directions have ended: a reset waits
 * while the connection is written to, and node aborts when it then comes upon the body of a stream that it has
 * destroyed (`OnTrailers`, `!this->is_destroyed()`).
 */
export function keepUntilReset(stream: ClientHttp2Stream): void {
  maybeDestroy ??= innerSymbol(stream, "kMaybeDestroy");
  if (maybeDestroy === undefined) return;
  Object.defineProperty(stream, maybeDestroy, { value: () => undefined, configurable: true });
}
