import type { HeaderFields, HeaderView, Stream } from "@king-runtime/core";
import { httpErrors } from "../errors.ts";
import type { Origin } from "./prepared-request.ts";

/** What to leave HTTP for. */
export interface SessionUpgradeOptions {
  /** Such as `"websocket"`. */
  protocol: string;
  /** Path and query. @default "/" */
  path?: string;
  /** What the protocol asks for besides, such as `sec-websocket-version`. */
  headers?: HeaderFields;
  /** From the request until the server's answer. */
  headersTimeoutMs?: number;
  /** Gives up asking; of no meaning once the stream is there. */
  signal?: AbortSignal;
}

/** A connection, or a stream of one, that has left HTTP. */
export interface UpgradedRequest {
  /** The protocol's own bytes both ways. It belongs to the caller. */
  readonly stream: Stream;
  /** What the server answered with. */
  readonly headers: HeaderView;
}

/** The server answered a request to leave HTTP otherwise. */
export function upgradeRefused({ text }: Origin, protocol: string, status: number) {
  const message = `${text}: expected a change to ${protocol}, got status ${status}`;
  return httpErrors.create("KING_HTTP_UPGRADE_REFUSED", message, { protocol, status });
}
