import { createHash } from "node:crypto";

/** A GUID that names the protocol in the answer (RFC 6455, section 1.3). */
const protocolGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2). */
export function proofOf(key: string): string {
  return createHash("sha1").update(`${key}${protocolGuid}`).digest("base64");
}
