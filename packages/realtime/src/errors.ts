import { defineErrors, errorCode } from "@king-runtime/core/errors";

export const realtimeErrors = defineErrors({
  /**
   * A channel name is empty, too long, or has control characters or lone surrogates.
   * @remedy Use a short printable name; raise `maxChannelNameBytes` where long ones are meant.
   */
  KING_REALTIME_CHANNEL_INVALID: errorCode("validation"),
  /**
   * A connection is in as many channels as it may be.
   * @remedy Leave channels that are no longer read, or raise `maxChannelsPerConnection`.
   */
  KING_REALTIME_CHANNEL_LIMIT: errorCode<{ limit: number }>("limit"),
  /**
   * A message to send is larger than any connection's send buffer, so that nobody could receive it.
   * @remedy Send a reference to the data, or raise `maxSendBufferBytes`.
   */
  KING_REALTIME_MESSAGE_TOO_LARGE: errorCode<{ limitBytes: number; messageBytes: number }>("limit"),
  /**
   * A close code or reason cannot be sent in a close frame (RFC 6455, sections 5.5.1 and 7.4).
   * @remedy Use 1000 to 1003, 1007 to 1014 or 3000 to 4999, and a reason of at most 123 bytes.
   */
  KING_REALTIME_CLOSE_INVALID: errorCode("validation"),
  /**
   * The realtime was closed and is used again.
   * @remedy Create another one; a closed one is not restarted.
   */
  KING_REALTIME_CLOSED: errorCode("state"),
  /**
   * Connections had not answered the close of a drain at its deadline and were cut.
   * @remedy Give the drain more time than `closeTimeoutMs`, and handlers less to do.
   */
  KING_REALTIME_CONNECTIONS_CUT: errorCode<{ connections: number }>("timeout"),
  /**
   * The server answered a client's opening handshake with something other than a WebSocket.
   * @remedy Look at the status: 403 wants another origin or credentials, 503 another time, 404 another path.
   */
  KING_REALTIME_HANDSHAKE_REFUSED: errorCode<{ status: number }>("unavailable"),
  /**
   * A server took the handshake and answered with what was not asked for: a wrong proof of the key, a
   * subprotocol or an extension that was not offered (RFC 6455, section 4.1).
   * @remedy Talk to a WebSocket server; something between may answer in its place.
   */
  KING_REALTIME_HANDSHAKE_INVALID: errorCode<{ field: string }>("protocol"),
  /**
   * A client sends faster than its server reads: there is no room for the message, which was not taken.
   * @remedy Await `drained()` and send it again, or raise `maxSendBufferBytes`.
   */
  KING_REALTIME_SEND_BUFFER_FULL: errorCode<{ limitBytes: number }>("limit", { retryable: true }),
  /**
   * The connection ended, not by an orderly close, before the message or the pong that was waited for.
   * @remedy See `closed` for how; connect again where that is sensible.
   */
  KING_REALTIME_CONNECTION_ENDED: errorCode<{ closeCode?: number }>("network", { retryable: true }),
});
