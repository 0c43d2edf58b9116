import type { IncomingMessage } from "node:http";
import type { Problem } from "../problem.ts";

/** Why a request over HTTP/1.1 is not served at all. */
export function refusalOverHttp1(request: IncomingMessage): Problem | undefined {
  const { httpVersionMajor, rawHeaders } = request;
  if (httpVersionMajor !== 1) return { status: 505, detail: "expected HTTP/1.1" };
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  // RFC 9112, section 3.2; node itself asks for one at least.
  return hosts > 1 ? { status: 400, detail: "host: expected one field" } : undefined;
}
