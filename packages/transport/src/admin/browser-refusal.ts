import type { Exchange } from "@king-runtime/core";
import type { Problem } from "../problem.ts";
import { isLoopback } from "./loopback.ts";

/**
 * Why a request is refused that a page in a browser may have sent: it comes from a page (Fetch standard,
 * section 3.1; Fetch Metadata, section 2.4), or asks over loopback for a host that is none of ours, which a
 * page does whose name was made to lead here.
 */
export function browserRefusal(
  request: Request,
  exchange: Exchange | undefined,
  allowedHosts: ReadonlySet<string>,
): Problem | undefined {
  const site = request.headers.get("sec-fetch-site") ?? "none";
  if (request.headers.has("origin") || site !== "none") {
    return { status: 403, detail: "expected a request that no page in a browser sends" };
  }
  const local = exchange?.session.local;
  if (local !== undefined && !isLoopback(local.address)) return undefined;
  const { hostname } = new URL(request.url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "localhost" || isLoopback(host) || allowedHosts.has(hostname)) return undefined;
  return { status: 421, detail: "expected the name or address of this machine's loopback as host" };
}
