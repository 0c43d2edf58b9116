import { type Problem, problemText, problemType } from "./problem.ts";

/** A `Response` with a problem document (RFC 9457). */
export function problemResponse(
  problem: Problem,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(problemText(problem), {
    status: problem.status,
    headers: { ...headers, "content-type": problemType },
  });
}
