import {
  checkObject,
  type Exchange,
  type HeaderFields,
  optionError,
  unknownOption,
} from "@king-runtime/core";
import { type WebTransportCarrier, webTransportCarrier } from "../http3/web-transport.ts";
import { type Problem, respondProblem } from "../problem.ts";
import { isOriginAllowed } from "./origin.ts";
import { OpenWebTransportSession, type WebTransportSession } from "./web-transport-session.ts";

/** Options of {@link acceptWebTransport}. */
export interface AcceptWebTransportOptions {
  /**
   * Origins whose pages may connect besides those of the same origin: `"https://a.example"`, `"https://*.a.example"` for
   * one label more, or `"*"`.
   *
   * @default []
   */
  allowedOrigins?: readonly string[];
  /** Fields of the response that accepts. */
  headers?: HeaderFields;
}

const optionNames = ["allowedOrigins", "headers"];

/**
 * Makes a session of WebTransport of a request for one, and of anything else an answer: 400 for other requests and clients
 * whose settings lack it, 403 for a page of another origin, 429 where the connection has as many sessions as it may; all with
 * a problem document.
 *
 * @returns the session, which outlives the exchange and belongs to the caller; `undefined` when the exchange was answered
 * otherwise, or its client has left.
 * @throws {KingError} KING_OPTION_INVALID, KING_HTTP_HEADER_INVALID for `headers`.
 */
export async function acceptWebTransport(
  exchange: Exchange,
  options: AcceptWebTransportOptions = {},
): Promise<WebTransportSession | undefined> {
  const { allowedOrigins, headers } = checkOptions(options);
  const refuse = (problem: Problem) => {
    respondProblem(exchange, problem, { "cache-control": "no-store" });
    return undefined;
  };
  const { upgrade } = exchange;
  const http = exchange.session as Exchange["session"] & {
    readonly [webTransportCarrier]?: WebTransportCarrier;
  };
  const carrier = http[webTransportCarrier];
  if (upgrade?.protocol !== "webtransport" || carrier === undefined) {
    const detail = "expected an extended CONNECT for webtransport, over HTTP/3 that takes it";
    return refuse({ status: 400, detail });
  }
  if (!isOriginAllowed(exchange, allowedOrigins)) {
    const origin = JSON.stringify(exchange.headers.get("origin")?.slice(0, 100));
    return refuse({ status: 403, detail: `pages of ${origin} may not connect` });
  }
  const admission = carrier.admit();
  if (admission === undefined) {
    const detail = `expected at most ${carrier.limits.maxSessions} sessions on a connection`;
    return refuse({ status: 429, detail });
  }
  let session: WebTransportSession | undefined;
  try {
    // They may come after the request (draft-ietf-webtrans-http3, section 3.1).
    const settings = await Promise.race([
      carrier.peerSettings,
      exchange.closed.then(() => undefined),
    ]);
    if (exchange.state === "closed" || exchange.responded) return undefined;
    if (settings?.datagrams !== true || settings.webTransportSessions === 0) {
      return refuse({ status: 400, detail: "expected SETTINGS with WebTransport and datagrams" });
    }
    const connect = upgrade.accept({ ...draftOf(exchange), ...headers });
    const { streamId: sessionId = 0 } = connect as { readonly streamId?: number };
    session = new OpenWebTransportSession({ carrier, admission, connect, sessionId, http });
    return session;
  } finally {
    if (session === undefined) admission.leave();
  }
}

/** Clients of the older draft ask for it, and want to be told that they were understood. */
const draftOf = ({ headers }: Exchange): HeaderFields =>
  headers.get("sec-webtransport-http3-draft02") === undefined
    ? {}
    : { "sec-webtransport-http3-draft": "draft02" };

function checkOptions(options: AcceptWebTransportOptions) {
  checkObject("options", options);
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknown !== undefined) throw unknownOption(unknown, optionNames);
  const { allowedOrigins = [], headers = {} } = options;
  if (!Array.isArray(allowedOrigins) || !allowedOrigins.every((each) => typeof each === "string")) {
    throw optionError("allowedOrigins", "expected a list of origins");
  }
  return { allowedOrigins, headers };
}
