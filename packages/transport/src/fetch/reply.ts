import { describeValue, type HeaderFields } from "@king-runtime/core";
import { forwardMembers, genuine } from "./forwarding.ts";

/** What {@link reply} may send. */
export type ReplyBody = string | Uint8Array | null;

/** Options of {@link reply}. */
export interface ReplyInit {
  /** From 200 to 599. @default 200 */
  readonly status?: number;
  /** Fields to send; an array is that many lines. */
  readonly headers?: HeaderFields;
}

/** What a reply is sent from while nobody has asked for its parts. */
export interface PlainReply {
  readonly fields: HeaderFields;
  readonly body: string | Uint8Array;
}

/**
 * A `Response` that costs little: its headers and its body stream come into being when somebody asks
 * for them, and most often nobody does. A Fetch handler gives it back in the place of `new Response()`;
 * middleware and frameworks see an ordinary one. Text is `text/plain` unless its headers say otherwise.
 * The same one can be given again and again, also behind the middleware of this package, as long as nobody
 * has read it or taken its `body`.
 *
 * @throws RangeError for a status outside 200 to 599; TypeError for a body with 204, 205 or 304.
 */
export function reply(body: ReplyBody = null, init: ReplyInit = {}): Response {
  const { status, headers } = init;
  checkReply(body, init.headers);
  return new Reply(body, typedFields(body, headers), status) as unknown as Response;
}

function checkReply(body: unknown, headers: unknown): void {
  if (!(body === null || typeof body === "string" || body instanceof Uint8Array)) {
    throw new TypeError(`body: expected a string, bytes or null, got ${describeValue(body)}`);
  }
  const isList = typeof headers === "object" && headers !== null && Symbol.iterator in headers;
  if (isList) throw new TypeError("headers: expected an object of names and values, got a list");
}

/** A {@link reply} of JSON text. @throws TypeError for a value that JSON does not have. */
export function replyJson(value: unknown, init: ReplyInit = {}): Response {
  const { headers = {} } = init;
  const typed = hasType(headers) ? headers : { "content-type": "application/json", ...headers };
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError("value: expected one that JSON has");
  return reply(text, { ...init, headers: typed });
}

/** Fields and body of a reply whose body nobody has been handed. */
export function plainReply(response: Response): PlainReply | undefined {
  return response instanceof Reply ? response.plain : undefined;
}

/** A reply with the same body and other fields; `undefined` where {@link plainReply} is. */
export function replyWith(response: Response, headers: Headers): Response | undefined {
  if (!(response instanceof Reply) || response.plain === undefined) return undefined;
  return response.withFields(fieldsOf(headers)) as unknown as Response;
}

/** Fields as they are sent, each line of `Set-Cookie` apart. */
export function fieldsOf(headers: Headers): HeaderFields {
  const fields: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    // Frameworks name the framing that they expect; the protocol has its own.
    if (name === "transfer-encoding") continue;
    if (name !== "set-cookie") fields[name] = value;
    else fields[name] ??= headers.getSetCookie();
  }
  return fields;
}

/** Statuses that a `Response` with a body cannot have (Fetch standard, null body status). */
const bodyless = new Set([204, 205, 304]);
const textType: HeaderFields = { "content-type": "text/plain;charset=UTF-8" };
const none: HeaderFields = {};

// The platform's types have properties where the platform has accessors and methods.
type PlatformResponse = new (
  body: null,
  init: ResponseInit | undefined,
) => { readonly status: number; readonly statusText: string };

/**
 * A genuine response without a body, which knows what has to do with neither fields nor body; whatever
 * else the platform's `Response` has is asked of the one with the body.
 */
const ForwardingResponse = /* @__PURE__ */ (() => {
  class Forwarding extends (Response as unknown as PlatformResponse) {}
  const own = ["headers", "ok", "redirected", "status", "statusText", "type", "url"];
  forwardMembers(Forwarding.prototype, Response.prototype, own);
  return Forwarding;
})();

class Reply extends ForwardingResponse {
  readonly #plainBody: ReplyBody;
  readonly #fields: HeaderFields;
  #headers: Headers | undefined;
  #whole: Response | undefined;

  constructor(body: ReplyBody, fields: HeaderFields, status: number | undefined) {
    super(null, status === undefined ? undefined : { status });
    if (body !== null && status !== undefined && bodyless.has(status)) {
      throw new TypeError(`body: expected none with status ${status}`);
    }
    this.#plainBody = body;
    this.#fields = fields;
  }

  get plain(): PlainReply | undefined {
    if (this.#whole !== undefined) return undefined;
    const fields = this.#headers === undefined ? this.#fields : fieldsOf(this.#headers);
    return { fields, body: this.#plainBody ?? "" };
  }

  withFields(fields: HeaderFields): Reply {
    return new Reply(this.#plainBody, fields, this.status);
  }

  get headers(): Headers {
    if (this.#headers === undefined) {
      this.#headers = Reflect.get(Response.prototype, "headers", this) as Headers;
      for (const [name, value] of Object.entries(this.#fields)) {
        const lines = typeof value === "string" ? [value] : value;
        for (const line of lines) this.#headers.append(name, line);
      }
    }
    return this.#headers;
  }

  /** The same with its body. */
  get [genuine](): Response {
    this.#whole ??= new Response(this.#plainBody as string | null, {
      status: this.status,
      headers: this.headers,
    });
    return this.#whole;
  }

  get body() {
    return this.#plainBody === null ? null : this[genuine].body;
  }

  get bodyUsed(): boolean {
    return this.#whole?.bodyUsed ?? false;
  }

  /** Leaves the body for whoever comes next, as often as they like. */
  clone(): Response {
    const copy = this.plain && this.withFields(fieldsOf(this.headers));
    return (copy as Response | undefined) ?? this[genuine].clone();
  }
}

function typedFields(body: ReplyBody, headers: HeaderFields | undefined): HeaderFields {
  if (typeof body !== "string") return headers ?? none;
  if (headers === undefined) return textType;
  return hasType(headers) ? headers : { ...textType, ...headers };
}

function hasType(fields: HeaderFields): boolean {
  for (const name in fields) {
    if (name.length === 12 && name.toLowerCase() === "content-type") return true;
  }
  return false;
}
