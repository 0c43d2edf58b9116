import { realtimeErrors } from "./errors.ts";

const longestReasonBytes = 123;

/**
 * Refuses what a close frame cannot carry: codes that stand for the lack of one or for a failed TLS
 * handshake, and those of nobody (RFC 6455, section 7.4; 1012 to 1014 are IANA's).
 *
 * @throws {KingError} KING_REALTIME_CLOSE_INVALID
 */
export function checkClose(code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && !isSendable(code)) {
    throw realtimeErrors.create(
      "KING_REALTIME_CLOSE_INVALID",
      `code: expected 1000 to 1003, 1007 to 1014 or 3000 to 4999, got ${code}`,
      {},
    );
  }
  const bytes = reason === undefined ? 0 : Buffer.byteLength(reason);
  if (bytes > longestReasonBytes) {
    throw realtimeErrors.create(
      "KING_REALTIME_CLOSE_INVALID",
      `reason: expected at most ${longestReasonBytes} bytes, got ${bytes}`,
      {},
    );
  }
}

function isSendable(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3_000) return code <= 4_999;
  return code >= 1_000 && code <= 1_014 && (code < 1_004 || code > 1_006);
}

/** The code that `ws` closes with for a fault it found in what came, by its own error code. */
export function closeCodeOfFault(fault: string | undefined): number {
  switch (fault) {
    case "WS_ERR_INVALID_UTF8":
      return 1007;
    case "WS_ERR_TOO_MANY_BUFFERED_PARTS":
      return 1008;
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
      return 1009;
    default:
      return 1002;
  }
}
