import { isAuthority } from "../authority.ts";
import type { HttpLimits } from "../limits.ts";
import type { Problem } from "../problem.ts";
import type { Http2Exchange } from "./exchange.ts";

/** Why a request over HTTP/2 is not served at all. */
export function refusalOverHttp2(exchange: Http2Exchange, limits: HttpLimits): Problem | undefined {
  // node enforces the setting only once the client has acknowledged it.
  if (exchange.headerBytes > limits.maxHeaderBytes) return { status: 431 };
  // RFC 9113, section 8.3.1
  const { authority, host } = exchange;
  if (!isAuthority(authority)) return { status: 400, detail: ":authority: expected host and port" };
  if (host !== undefined && host !== authority && !isSameHost(host, authority)) {
    return { status: 400, detail: "host: expected the same as :authority" };
  }
  if (exchange.target.includes("#")) return { status: 400, detail: ":path: expected no fragment" };
  // A protocol that is not offered (RFC 9220, section 3), or a tunnel (RFC 9110, section 9.3.6).
  if (exchange.method === "CONNECT" && exchange.upgrade === undefined) return { status: 501 };
  return undefined;
}

/** Names of hosts know no case (RFC 9110, section 4.2.3). */
const isSameHost = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase();
