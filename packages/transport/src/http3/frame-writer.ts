import { varintLength, writeVarint } from "./varint.ts";

/** The head of a frame whose payload follows. */
export function frameHead(type: number, length: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(type) + varintLength(length));
  writeVarint(bytes, writeVarint(bytes, 0, type), length);
  return bytes;
}

/** A whole frame. */
export function frame(type: number, payload: Uint8Array): Uint8Array {
  const head = varintLength(type) + varintLength(payload.length);
  const bytes = new Uint8Array(head + payload.length);
  bytes.set(payload, writeVarint(bytes, writeVarint(bytes, 0, type), payload.length));
  return bytes;
}
