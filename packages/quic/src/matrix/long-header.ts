/** A packet with a long header of version 1 (RFC 9000, section 17.2), of the several that a datagram may have. */
export interface LongPacket {
  readonly type: "initial" | "0-rtt" | "handshake";
  readonly destinationId: Uint8Array;
  /** Where it begins in the datagram, where its packet number does, and where it ends. */
  readonly start: number;
  readonly numberAt: number;
  readonly end: number;
}

const version1 = 1;
const types = ["initial", "0-rtt", "handshake"] as const;

/** The integer at `at` and the place behind it (RFC 9000, section 16); `undefined` where it is cut off. */
export function readVarint(bytes: Uint8Array, at: number): readonly [number, number] | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const length = 1 << (first >> 6);
  if (at + length > bytes.length) return undefined;
  let value = first & 0x3f;
  for (let i = 1; i < length; i++) value = value * 256 + (bytes[at + i] as number);
  return [value, at + length];
}

/** The packet with a long header at `start`; `undefined` for anything else, and where it is cut off. */
export function readLongPacket(datagram: Uint8Array, start = 0): LongPacket | undefined {
  const first = datagram[start];
  if (first === undefined || (first & 0xc0) !== 0xc0 || datagram.length < start + 7) {
    return undefined;
  }
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const type = types[(first >> 4) & 3];
  if (view.getUint32(start + 1) !== version1 || type === undefined) return undefined;
  let at = start + 5;
  const idLength = datagram[at++] as number;
  const destinationId = datagram.subarray(at, at + idLength);
  at += idLength;
  at += 1 + (datagram[at] ?? 0);
  if (type === "initial") {
    const token = readVarint(datagram, at);
    if (token === undefined) return undefined;
    at = token[1] + token[0];
  }
  const length = readVarint(datagram, at);
  if (length === undefined) return undefined;
  const [bytes, numberAt] = length;
  const end = numberAt + bytes;
  return end > datagram.length ? undefined : { type, destinationId, start, numberAt, end };
}
