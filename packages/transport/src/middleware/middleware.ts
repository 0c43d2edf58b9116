import { replyWith } from "../fetch/reply.ts";

/** A Fetch handler, with whatever else it is called with, such as the context of `fromFetch`. */
export type RestHandler<Rest extends unknown[]> = (
  request: Request,
  ...rest: Rest
) => Response | Promise<Response>;

/** Makes a Fetch handler of another: what it adds happens before, after, or instead of it. */
export type Middleware = <Rest extends unknown[]>(
  handler: RestHandler<Rest>,
) => (request: Request, ...rest: Rest) => Promise<Response>;

/**
 * Several as one; the first is outermost: it sees the request first and the response last.
 * `stack(a(), b())(handler)` is `a()(b()(handler))`.
 */
export function stack(...middleware: readonly Middleware[]): Middleware {
  return (handler) => {
    const all = async (...given: Parameters<typeof handler>) => handler(...given);
    return middleware.reduceRight<typeof all>((inner, each) => each(inner), all);
  };
}

/**
 * `response` with other fields. It is never changed itself: a handler may give the same one twice, and
 * that of a redirect cannot be.
 */
export function withFields(response: Response, edit: (headers: Headers) => void): Response {
  const headers = new Headers(response.headers);
  edit(headers);
  const light = replyWith(response, headers);
  if (light !== undefined) return light;
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}

/** Names fields of the request that the response depends on (RFC 9110, section 12.5.5). */
export function addVary(headers: Headers, ...names: readonly string[]): void {
  const present = (headers.get("vary") ?? "").toLowerCase().split(",");
  const known = new Set(present.map((each) => each.trim()));
  if (known.has("*")) return;
  for (const name of names) if (!known.has(name)) headers.append("vary", name);
}
