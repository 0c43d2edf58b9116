import { STATUS_CODES } from "node:http";
import type { Exchange, HeaderFields } from "@king-runtime/core";

/** A problem document (RFC 9457). */
export interface Problem {
  readonly status: number;
  /** @default the status's reason phrase */
  readonly title?: string;
  /** What is wrong with this request, for a person. */
  readonly detail?: string;
  /** URI of the kind of problem. @default "about:blank" */
  readonly type?: string;
  /** Further members. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Media type of {@link problemText}. */
export const problemType = "application/problem+json";

/** The problem as JSON text. */
export function problemText(problem: Problem): string {
  const { status, title = STATUS_CODES[status] ?? "Error", type = "about:blank" } = problem;
  const { detail, extensions } = problem;
  return JSON.stringify({ ...extensions, type, title, status, detail });
}

/** Answers `exchange` with a problem document. */
export function respondProblem(exchange: Exchange, problem: Problem, headers?: HeaderFields): void {
  const fields = { ...headers, "content-type": problemType };
  exchange.respond(problem.status, fields, problemText(problem));
}
