import type { HeaderFields } from "@king-runtime/core";

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
 *
 * @throws RangeError for a status outside 200 to 599; TypeError for a body with 204, 205 or 304.
 */
export function reply(body: ReplyBody = null, init: ReplyInit = {}): Response {
  return new Reply(body, init) as unknown as Response;
}

/** A {@link reply} of JSON text. @throws TypeError for a value that JSON does not have. */
export function replyJson(value: unknown, init: ReplyInit = {}): Response {
  const { headers = {} } = init;
  const typed = hasType(headers) ? headers : { "content-type": "application/json", ...headers };
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError("value: expected one that JSON has");
  return reply(text, { ...init, headers: typed });
}

/** Fields and body of a reply, as long as nobody has been handed what could change them. */
export function plainReply(response: Response): PlainReply | undefined {
  return response instanceof Reply ? response.plain : undefined;
}

// The platform's types have properties where the platform has accessors and methods.
const ResponseBase = Response as unknown as new (
  body: null,
  init: ResponseInit | undefined,
) => { readonly status: number };

/** Statuses that a `Response` with a body cannot have (Fetch standard, null body status). */
const bodyless = new Set([204, 205, 304]);
const textType: HeaderFields = { "content-type": "text/plain;charset=UTF-8" };
const none: HeaderFields = {};

class Reply extends ResponseBase {
  readonly #plainBody: ReplyBody;
  readonly #fields: HeaderFields;
  #headers: Headers | undefined;
  #whole: Response | undefined;

  constructor(body: ReplyBody, { status, headers }: ReplyInit) {
    super(null, status === undefined ? undefined : { status });
    if (body !== null && status !== undefined && bodyless.has(status)) {
      throw new TypeError(`body: expected none with status ${status}`);
    }
    this.#plainBody = body;
    if (typeof body !== "string") this.#fields = headers ?? none;
    else if (headers === undefined) this.#fields = textType;
    else this.#fields = hasType(headers) ? headers : { ...textType, ...headers };
  }

  get plain(): PlainReply | undefined {
    if (this.#headers !== undefined || this.#whole !== undefined) return undefined;
    return { fields: this.#fields, body: this.#plainBody ?? "" };
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

  /** The same as a genuine response. */
  get #content(): Response {
    this.#whole ??= new Response(this.#plainBody as string | null, {
      status: this.status,
      headers: this.headers,
    });
    return this.#whole;
  }

  get body() {
    return this.#plainBody === null ? null : this.#content.body;
  }

  get bodyUsed(): boolean {
    return this.#whole?.bodyUsed ?? false;
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#content.arrayBuffer();
  }

  blob(): Promise<Blob> {
    return this.#content.blob();
  }

  bytes(): Promise<Uint8Array> {
    return this.#content.bytes();
  }

  formData(): Promise<unknown> {
    return this.#content.formData();
  }

  json(): Promise<unknown> {
    return this.#content.json();
  }

  text(): Promise<string> {
    return this.#content.text();
  }

  clone(): Response {
    return this.#content.clone();
  }
}

function hasType(fields: HeaderFields): boolean {
  for (const name in fields) {
    if (name.length === 12 && name.toLowerCase() === "content-type") return true;
  }
  return false;
}
