import { randomBytes } from "node:crypto";
import { type HeaderView, KingError, type Stream } from "@king-runtime/core";
import { realtimeErrors } from "../errors.ts";
import { supportedVersion } from "../handshake.ts";
import { proofOf } from "../proof.ts";
import type { ConnectPlan } from "./connect-options.ts";
import type { UpgradingSession } from "./upgrading-session.ts";

/** What a server that takes the handshake has given. */
export interface AcceptedHandshake {
  readonly stream: Stream;
  readonly headers: HeaderView;
  readonly subprotocol: string | undefined;
}

/**
 * Does the opening handshake of a client: RFC 6455, section 4.1 on HTTP/1.1, with a key whose proof is
 * looked at, RFC 8441, section 5 on HTTP/2 and /3, without.
 *
 * @throws {KingError} KING_REALTIME_HANDSHAKE_REFUSED, KING_REALTIME_HANDSHAKE_INVALID; what `upgrade` throws.
 */
export async function shakeHands(
  session: UpgradingSession,
  plan: ConnectPlan,
): Promise<AcceptedHandshake> {
  const { path, subprotocols, headersTimeoutMs, signal, origin } = plan;
  const key = session.protocol === "h1" ? randomBytes(16).toString("base64") : undefined;
  const { stream, headers } = await session
    .upgrade({
      protocol: "websocket",
      path,
      headers: {
        ...plan.headers,
        ...(origin !== undefined && { origin }),
        "sec-websocket-version": supportedVersion,
        ...(key !== undefined && { "sec-websocket-key": key }),
        ...(subprotocols.length > 0 && { "sec-websocket-protocol": subprotocols.join(", ") }),
      },
      ...(headersTimeoutMs !== undefined && { headersTimeoutMs }),
      ...(signal !== undefined && { signal }),
    })
    .catch((error: unknown) => {
      throw refusal(error);
    });
  const fault = faultOf(headers, key, subprotocols);
  if (fault !== undefined) {
    const { field, expected } = fault;
    const message = `${field}: expected ${expected}, got ${JSON.stringify(headers.get(field) ?? "none")}`;
    const error = realtimeErrors.create("KING_REALTIME_HANDSHAKE_INVALID", message, { field });
    stream.abort(error);
    throw error;
  }
  return { stream, headers, subprotocol: headers.get("sec-websocket-protocol") };
}

function refusal(error: unknown): unknown {
  if (!KingError.is(error, "KING_HTTP_UPGRADE_REFUSED")) return error;
  const { status } = error.details as { status: number };
  const message = `expected a WebSocket, got status ${status}`;
  return realtimeErrors.create(
    "KING_REALTIME_HANDSHAKE_REFUSED",
    message,
    { status },
    { cause: error },
  );
}

function faultOf(
  headers: HeaderView,
  key: string | undefined,
  subprotocols: readonly string[],
): { field: string; expected: string } | undefined {
  if (key !== undefined && headers.get("sec-websocket-accept") !== proofOf(key)) {
    return { field: "sec-websocket-accept", expected: "the proof of the key" };
  }
  const subprotocol = headers.get("sec-websocket-protocol");
  if (subprotocol !== undefined && !subprotocols.includes(subprotocol)) {
    return { field: "sec-websocket-protocol", expected: "one that was offered" };
  }
  return headers.has("sec-websocket-extensions")
    ? { field: "sec-websocket-extensions", expected: "none, as none was offered" }
    : undefined;
}
