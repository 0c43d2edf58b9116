/** One HTTP/2 frame (RFC 9113, section 4.1). */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = {
  endStream: 0x1,
  acknowledge: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** Error codes (RFC 9113, section 7). */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
} as const;

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = new Uint8Array(),
): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, 9);
  return bytes;
}

export function settings(values: Readonly<Record<number, number>> = {}): Buffer {
  const entries = Object.entries(values);
  const payload = Buffer.alloc(6 * entries.length);
  for (const [i, [id, value]] of entries.entries()) {
    payload.writeUInt16BE(Number(id), 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  }
  return frame(frameType.settings, 0, 0, payload);
}

export const settingsAck = (): Buffer => frame(frameType.settings, flag.acknowledge, 0);

/** A frame whose payload is one 32-bit number: RST_STREAM or WINDOW_UPDATE. */
function numberFrame(type: number, streamId: number, value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return frame(type, 0, streamId, payload);
}

export const resetStream = (streamId: number, code: number): Buffer =>
  numberFrame(frameType.resetStream, streamId, code);

export const windowUpdate = (streamId: number, increment: number): Buffer =>
  numberFrame(frameType.windowUpdate, streamId, increment);

export const data = (streamId: number, bytes: string | Uint8Array, flags = 0): Buffer =>
  frame(frameType.data, flags, streamId, Buffer.from(bytes as string, "latin1"));

/** An integer of HPACK (RFC 7541, section 5.1) with the bits above its prefix. */
export function hpackInteger(prefixBits: number, pattern: number, value: number): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.from([pattern | value]);
  const bytes = [pattern | max];
  let rest = value - max;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([hpackInteger(7, 0, bytes.length), bytes]);
}

export type Fields = readonly (readonly [name: string, value: string])[];

/** Literals without indexing (RFC 7541, section 6.2.2): whatever names and values they are. */
export function headerBlock(fields: Fields): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), hpackString(name), hpackString(value)]),
  );
}

/** A literal that goes into the dynamic table (RFC 7541, section 6.2.1). */
export const indexedLiteral = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0x40]), hpackString(name), hpackString(value)]);

export function headers(
  streamId: number,
  fields: Fields,
  flags: number = flag.endHeaders | flag.endStream,
): Buffer {
  return frame(frameType.headers, flags, streamId, headerBlock(fields));
}

/** The fields of a GET, or of another method. */
export const requestFields = (path = "/", method = "GET"): Fields => [
  [":method", method],
  [":scheme", "http"],
  [":path", path],
  [":authority", "a"],
];

const statusIndex = [200, 204, 206, 304, 400, 404, 500]; // RFC 7541, appendix A, 8 to 14

/** The status that a header block begins with; its writer must not have used a dynamic table. */
export function statusOf(block: Buffer): number {
  let at = 0;
  while (((block[at] as number) & 0xe0) === 0x20) at++; // table size updates to 0
  const first = block[at] as number;
  if (first & 0x80) return statusIndex[(first & 0x7f) - 8] as number;
  const length = block[at + 1] as number;
  const value = block.subarray(at + 2, at + 2 + (length & 0x7f));
  return Number(length & 0x80 ? huffmanDigits(value) : value.toString("latin1"));
}

/** Digits in the code of RFC 7541, appendix B: 0 to 2 in five bits, 3 to 9 in six. */
function huffmanDigits(bytes: Buffer): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  let text = "";
  for (let at = 0; bits.length - at >= 5 && !/^1+$/.test(bits.slice(at)); ) {
    const short = Number.parseInt(bits.slice(at, at + 5), 2);
    if (short < 3) {
      text += short;
      at += 5;
    } else {
      text += Number.parseInt(bits.slice(at, at + 6), 2) - 0b011001 + 3;
      at += 6;
    }
  }
  return text;
}
