import { optionError } from "@king-runtime/core";

/** What a connection may speak. */
export type ClientProtocol = "h1" | "h2";

const alpnNames: Readonly<Record<ClientProtocol, string>> = { h1: "http/1.1", h2: "h2" };

/** What is offered in a TLS handshake (RFC 7301). */
export const alpnOf = (protocols: readonly ClientProtocol[]): readonly string[] =>
  protocols.map((each) => alpnNames[each]);

/** @throws {KingError} KING_OPTION_INVALID */
export function checkProtocols(protocols: readonly ClientProtocol[]): readonly ClientProtocol[] {
  const isList = Array.isArray(protocols) && protocols.length > 0;
  if (isList && protocols.every((each) => Object.hasOwn(alpnNames, each))) return [...protocols];
  throw optionError("protocols", 'expected a list of "h1" and "h2", one of them at least');
}
