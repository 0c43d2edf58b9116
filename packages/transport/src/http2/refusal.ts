import { isAuthority } from "../authority.ts";
import type { HttpExchange } from "../http-exchange.ts";
import type { HttpLimits } from "../limits.ts";
import type { Problem } from "../problem.ts";
import { hasBackslashInPath } from "../request-target.ts";
import type { Http2Exchange } from "./exchange.ts";

/** Why a request over HTTP/2 is not served at all. */
export function refusalOverHttp2(exchange: Http2Exchange, limits: HttpLimits): Problem | undefined {
  // node enforces the setting only once the client has acknowledged it.
  if (exchange.headerBytes > limits.maxHeaderBytes) return { status: 431 };
  return refusalOfFields(exchange, exchange.host);
}

/** Why a request whose target came in pseudo-fields is not served at all. */
export function refusalOfFields(
  exchange: HttpExchange,
  host: string | undefined,
): Problem | undefined {
  // RFC 9113, section 8.3.1
  const { authority } = exchange;
  if (!isAuthority(authority)) return { status: 400, detail: ":authority: expected host and port" };
  if (host !== undefined && host !== authority && !isSameHost(host, authority)) {
    return { status: 400, detail: "host: expected the same as :authority" };
  }
  const fault = targetFault(exchange.target);
  if (fault !== undefined) return { status: 400, detail: `:path: expected ${fault}` };
  // A protocol that is not offered (RFC 9220, section 3), or a tunnel (RFC 9110, section 9.3.6).
  if (exchange.method === "CONNECT" && exchange.upgrade === undefined) return { status: 501 };
  return undefined;
}

/** What the target should have been; nghttp2 has looked at its form (RFC 9113, section 8.3.1). */
function targetFault(target: string): string | undefined {
  if (target.includes("#")) return "no fragment";
  if (hasBackslashInPath(target)) return "no backslash in its path";
  // What others on the way would encode, each in its own way; node refuses it over HTTP/1.1.
  return beyondAscii.test(target) ? "percent-encoding beyond ASCII" : undefined;
}

const beyondAscii = /[^\0-\x7f]/;

/** Names of hosts know no case (RFC 9110, section 4.2.3). */
const isSameHost = (one: string, other: string): boolean =>
  one.toLowerCase() === other.toLowerCase();
