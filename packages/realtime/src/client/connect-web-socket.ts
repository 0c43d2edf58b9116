import { checkObject, optionError } from "@king-runtime/core";
import { Turn } from "../coalesced-writer.ts";
import { type ClientConnection, OpenClientConnection } from "./client-connection.ts";
import { shakeHands } from "./client-handshake.ts";
import { type ConnectWebSocketOptions, resolveConnectOptions } from "./connect-options.ts";
import { openSocket } from "./open-socket.ts";
import type { UpgradingSession } from "./upgrading-session.ts";

/**
 * Opens a WebSocket on a session: on HTTP/1.1 with its whole connection, on HTTP/2 and /3 with one
 * stream of it. The caller closes it; the session's end is the connection's, too.
 *
 * @throws {KingError} KING_REALTIME_HANDSHAKE_REFUSED for any other answer of the server,
 * KING_REALTIME_HANDSHAKE_INVALID; KING_REALTIME_CONNECTION_ENDED when it breaks at once; KING_OPTION_INVALID, KING_CONFIG_LOCKED; the reason of `signal`;
 * what the session's `upgrade` throws, such as KING_HTTP_TIMEOUT and KING_STREAM_UNSUPPORTED.
 */
export async function connectWebSocket(
  session: UpgradingSession,
  options: ConnectWebSocketOptions = {},
): Promise<ClientConnection> {
  checkObject("session", session);
  if (typeof session.upgrade !== "function") {
    throw optionError("session", "expected a session that can be upgraded");
  }
  const plan = resolveConnectOptions(options);
  plan.signal?.throwIfAborted();
  const { stream, headers, subprotocol } = await shakeHands(session, plan);
  const { limits: settings, clock, onMessage } = plan;
  const parts = { settings, clock, turn: new Turn(), headers, subprotocol, onMessage };
  return await openSocket(stream, settings, (opened) => new OpenClientConnection(opened, parts));
}
