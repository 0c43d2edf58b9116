import type { IncomingHttpHeaders } from "node:http";
import { httpErrors } from "./errors.ts";
import { headersTimeoutError, type RequestContext } from "./request-error.ts";

const maxInterimResponses = 32;

/** A 1xx response, its fields as `[name, value, ...]`. */
export interface Interim {
  readonly status: number;
  readonly fields: readonly string[];
}

/** Bounds what a server may send before the head of its response, and how long it may take. */
export class HeadWatch {
  readonly interim: Interim[] = [];
  readonly #context: RequestContext;
  readonly #fail: (error: Error) => void;
  #interimBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(context: RequestContext, fail: (error: Error) => void) {
    this.#context = context;
    this.#fail = fail;
  }

  /** The request is out as far as we are concerned; no interim response puts the deadline off. */
  requestSent(): void {
    if (this.#stopped) return;
    this.#timer ??= setTimeout(
      () => this.#fail(headersTimeoutError(this.#context)),
      this.#context.limits.headersTimeoutMs,
    );
  }

  add(status: number, headers: unknown): void {
    const fields = flatFields(headers);
    this.#interimBytes += fieldBytes(fields);
    const { maxHeaderBytes } = this.#context.limits;
    if (this.interim.length < maxInterimResponses && this.#interimBytes <= maxHeaderBytes) {
      this.interim.push({ status, fields });
      return;
    }
    const most = `at most ${maxInterimResponses} of ${maxHeaderBytes} bytes together`;
    const message = `interim responses: expected ${most}, got more`;
    this.#fail(httpErrors.create("KING_HTTP_HEADER_LIMIT", message, {}));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

/** Fields in any of the forms that undici reports, as `[name, value, ...]`. */
export function flatFields(fields: unknown): string[] {
  if (Array.isArray(fields)) return fields.map((each) => each.toString("latin1"));
  const list: string[] = [];
  for (const [name, value] of Object.entries((fields ?? {}) as IncomingHttpHeaders)) {
    for (const each of Array.isArray(value) ? value : [value ?? ""]) list.push(name, each);
  }
  return list;
}

/** What the fields count against `maxHeaderBytes`: names and values. */
export function fieldBytes(fields: readonly string[]): number {
  return fields.reduce((sum, each) => sum + each.length, 0);
}
