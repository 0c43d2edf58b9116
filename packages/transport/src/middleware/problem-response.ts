import { STATUS_CODES } from "node:http";

/** A `Response` with a problem document (RFC 9457). */
export function problemResponse(
  problem: { readonly status: number; readonly detail?: string },
  headers?: Readonly<Record<string, string>>,
): Response {
  const { status, detail } = problem;
  const document = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status };
  return new Response(JSON.stringify(detail === undefined ? document : { ...document, detail }), {
    status,
    headers: { ...headers, "content-type": "application/problem+json" },
  });
}
