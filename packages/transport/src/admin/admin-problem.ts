import type { Problem } from "../problem.ts";

/** Ends the serving of a request with a problem document. */
export class AdminProblem extends Error {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(problem: Problem, headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail ?? `status ${problem.status}`);
    this.problem = problem;
    this.headers = headers;
  }
}
