import { randomFillSync } from "node:crypto";
import type { Message } from "./message.ts";

const finalText = 0x81;
const finalBinary = 0x82;
const masked = 0x80;
const keyBytes = 4;

/** Bytes a frame's header takes before `payloadBytes` of payload, its masking key apart. */
function headerBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65_536 ? 4 : 10;
}

/**
 * One message as one unmasked WebSocket frame (RFC 6455, section 5.2), ready for any number of
 * connections. Lone surrogates become U+FFFD.
 */
export function encodeFrame(message: Message): Buffer {
  return layOut(message, 0);
}

/** The same as a client has to send it: masked with a key of its own (RFC 6455, section 5.3). */
export function encodeMaskedFrame(message: Message): Buffer {
  const frame = layOut(message, keyBytes);
  const length = frame[1] as number;
  const at = length < 126 ? 2 : length === 126 ? 4 : 10;
  frame[1] = length | masked;
  writeKey(frame, at);
  const start = at + keyBytes;
  for (let i = start; i < frame.length; i++) {
    frame[i] = (frame[i] as number) ^ (frame[at + ((i - start) & 3)] as number);
  }
  return frame;
}

/** Header, `gap` bytes to be filled, and the payload. */
function layOut(message: Message, gap: number): Buffer {
  const isText = typeof message === "string";
  const payloadBytes = isText ? Buffer.byteLength(message) : message.byteLength;
  const head = headerBytes(payloadBytes);
  const start = head + gap;
  const frame = Buffer.allocUnsafe(start + payloadBytes);
  frame[0] = isText ? finalText : finalBinary;
  if (head === 2) frame[1] = payloadBytes;
  else if (head === 4) {
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

const keys = Buffer.alloc(8_192);
let keysUsed = keys.length;

/** A key that nobody can foresee (RFC 6455, section 10.3), of which many are drawn at a time. */
function writeKey(frame: Buffer, at: number): void {
  if (keysUsed === keys.length) {
    randomFillSync(keys);
    keysUsed = 0;
  }
  keys.copy(frame, at, keysUsed, keysUsed + keyBytes);
  keysUsed += keyBytes;
}
