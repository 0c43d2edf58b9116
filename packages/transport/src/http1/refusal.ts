import type { IncomingMessage } from "node:http";
import { isAuthority } from "../authority.ts";
import type { HttpLimits } from "../limits.ts";
import type { Problem } from "../problem.ts";
import { hasBackslashInPath } from "../request-target.ts";

/**
 * Why a request over HTTP/1.1 is not served at all. Others on its way to us may have understood it
 * differently, so nothing that follows on the connection is served either.
 */
export function refusalOverHttp1(
  request: IncomingMessage,
  limits: HttpLimits,
): Problem | undefined {
  const { httpVersionMajor, httpVersionMinor, rawHeaders } = request;
  const { maxHeaderCount } = limits;
  // Node may leave out what is beyond, and with it what others take for the frame of the body.
  if (rawHeaders.length > 2 * maxHeaderCount) {
    return { status: 431, detail: `expected at most ${maxHeaderCount} fields` };
  }
  if (httpVersionMajor !== 1) return { status: 505, detail: "expected HTTP/1.1" };
  let host: string | undefined;
  let codings: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === "host") {
      // RFC 9112, section 3.2
      if (host !== undefined) return { status: 400, detail: "host: expected one field" };
      host = rawHeaders[i + 1] as string;
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      const value = rawHeaders[i + 1] as string;
      codings = codings === undefined ? value : `${codings},${value}`;
    }
  }
  return (
    hostFault(host, httpVersionMinor) ??
    targetFault(request) ??
    (codings === undefined ? undefined : codingFault(codings, httpVersionMinor))
  );
}

function hostFault(host: string | undefined, minor: number): Problem | undefined {
  if (host === undefined) {
    return minor === 0 ? undefined : { status: 400, detail: "host: expected one field, got none" };
  }
  return isAuthority(host) ? undefined : { status: 400, detail: "host: expected host and port" };
}

/** The authority in a target in absolute form. */
const absoluteForm = /^https?:\/\/([^/?]+)(?:[/?]|$)/i;

/** The authority that a target names, where it is in absolute form (RFC 9112, section 3.2.2). */
export function authorityOfTarget(target: string): string | undefined {
  return target.startsWith("/") ? undefined : absoluteForm.exec(target)?.[1];
}

/** Whether the target has one of the forms of RFC 9112, section 3.2. */
function targetFault({ url, method }: IncomingMessage): Problem | undefined {
  const target = url as string;
  if (hasBackslashInPath(target)) {
    return { status: 400, detail: "target: expected no backslash in its path" };
  }
  if (target.startsWith("/") && !target.includes("#")) return undefined;
  if (target === "*" && method === "OPTIONS") return undefined;
  // In the form of an authority, which answers 501; see CONNECT.
  if (method === "CONNECT") return undefined;
  const authority = authorityOfTarget(target);
  if (authority !== undefined && isAuthority(authority) && !target.includes("#")) return undefined;
  return { status: 400, detail: "target: expected a path, or an http or https URI" };
}

/** Only chunks are ours to undo (RFC 9112, section 6). */
function codingFault(codings: string, minor: number): Problem | undefined {
  if (minor === 0) {
    return { status: 400, detail: "transfer-encoding: expected none over HTTP/1.0" };
  }
  const list = codings.split(",").map((coding) => coding.trim().toLowerCase());
  if (list.length === 1 && list[0] === "chunked") return undefined;
  const framed = list.pop() === "chunked" && !list.includes("chunked");
  return { status: framed ? 501 : 400, detail: "transfer-encoding: expected chunked" };
}
