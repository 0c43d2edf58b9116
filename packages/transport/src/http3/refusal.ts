import { refusalOfFields } from "../http2/refusal.ts";
import type { Problem } from "../problem.ts";
import type { Http3Exchange } from "./exchange.ts";

/** Why a request over HTTP/3 is not served at all. */
export function refusalOverHttp3(exchange: Http3Exchange): Problem | undefined {
  if (exchange.isTooLarge) return { status: 431 };
  // It cannot differ from the authority (RFC 9114, section 4.3.1).
  return refusalOfFields(exchange, undefined);
}
