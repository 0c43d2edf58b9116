import { optionError } from "@king-runtime/core";

/** What a connection may speak. */
export type ClientProtocol = "h1" | "h2" | "h3";

const alpnNames: Readonly<Record<ClientProtocol, string>> = { h1: "http/1.1", h2: "h2", h3: "h3" };

/** What is offered in a TLS handshake over TCP (RFC 7301). */
export const alpnOf = (protocols: readonly ClientProtocol[]): readonly string[] =>
  protocols.filter((each) => each !== "h3").map((each) => alpnNames[each]);

/**
 * @param hasQuic whether there is an engine for HTTP/3.
 * @throws {KingError} KING_OPTION_INVALID
 */
export function checkProtocols(
  protocols: readonly ClientProtocol[],
  hasQuic: boolean,
): readonly ClientProtocol[] {
  const isList = Array.isArray(protocols) && protocols.length > 0;
  const isKnown = (each: ClientProtocol) =>
    Object.hasOwn(alpnNames, each) && (hasQuic || each !== "h3");
  if (isList && protocols.every(isKnown)) return [...protocols];
  const known = hasQuic ? '"h1", "h2" and "h3"' : '"h1" and "h2", and "h3" with the option quic';
  throw optionError("protocols", `expected a list of ${known}, one of them at least`);
}
