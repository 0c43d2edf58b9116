import type { Message } from "./message.ts";

const finalText = 0x81;
const finalBinary = 0x82;

/** Bytes a frame's header takes before `payloadBytes` of payload. */
function headerBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65_536 ? 4 : 10;
}

/**
 * One message as one unmasked WebSocket frame (RFC 6455, section 5.2), ready for any number of
 * connections. Lone surrogates become U+FFFD.
 */
export function encodeFrame(message: Message): Buffer {
  const isText = typeof message === "string";
  const payloadBytes = isText ? Buffer.byteLength(message) : message.byteLength;
  const start = headerBytes(payloadBytes);
  const frame = Buffer.allocUnsafe(start + payloadBytes);
  frame[0] = isText ? finalText : finalBinary;
  if (start === 2) frame[1] = payloadBytes;
  else if (start === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(payloadBytes, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(Math.floor(payloadBytes / 2 ** 32), 2);
    frame.writeUInt32BE(payloadBytes >>> 0, 6);
  }
  if (isText) frame.write(message, start, "utf8");
  else frame.set(message, start);
  return frame;
}
