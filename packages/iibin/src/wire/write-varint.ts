const two32 = 4_294_967_296;

/** Writes an unsigned integer of 32 bits; gives the position after it. */
export function writeUint32(b: Uint8Array, p: number, value: number): number {
  let rest = value;
  while (rest > 127) {
    b[p++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  b[p++] = rest;
  return p;
}

/** Writes a signed integer of 32 bits; negative ones take ten bytes. */
export function writeInt32(b: Uint8Array, p: number, value: number): number {
  return value < 0 ? writeHalves(b, p, value >>> 0, 0xffff_ffff) : writeUint32(b, p, value);
}

/** Writes a safe integer; negative ones take ten bytes. */
export function writeInteger(b: Uint8Array, p: number, value: number): number {
  if (value < two32) {
    if (value >= 0) return writeUint32(b, p, value >>> 0);
    return writeHalves(b, p, value >>> 0, Math.floor(value / two32) >>> 0);
  }
  const low = value >>> 0;
  // Exact, and faster than dividing. What follows is writeHalves again: to call it would make a small
  // message a tenth slower.
  const high = (value * 2 ** -32) | 0;
  b[p] = (low & 127) | 128;
  b[p + 1] = ((low >>> 7) & 127) | 128;
  b[p + 2] = ((low >>> 14) & 127) | 128;
  b[p + 3] = ((low >>> 21) & 127) | 128;
  const middle = (low >>> 28) | ((high << 4) & 127);
  const rest = high >>> 3;
  if (rest === 0) {
    b[p + 4] = middle;
    return p + 5;
  }
  b[p + 4] = middle | 128;
  if (rest < 128) {
    b[p + 5] = rest;
    return p + 6;
  }
  return writeUint32(b, p + 5, rest);
}

export function writeBigint(b: Uint8Array, p: number, value: bigint): number {
  return writeHalves(b, p, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn));
}

/** Writes a safe integer in zigzag form. */
export function writeZigzagInteger(b: Uint8Array, p: number, value: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000)
    return writeUint32(b, p, ((value << 1) ^ (value >> 31)) >>> 0);
  const low = value >>> 0;
  const high = Math.floor(value / two32) | 0;
  const sign = high >> 31;
  return writeHalves(b, p, ((low << 1) ^ sign) >>> 0, ((high << 1) ^ (low >>> 31) ^ sign) >>> 0);
}

export function writeZigzagBigint(b: Uint8Array, p: number, value: bigint): number {
  return writeBigint(b, p, BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
}

function writeHalves(b: Uint8Array, p: number, low: number, high: number): number {
  if (high === 0) return writeUint32(b, p, low);
  b[p] = (low & 127) | 128;
  b[p + 1] = ((low >>> 7) & 127) | 128;
  b[p + 2] = ((low >>> 14) & 127) | 128;
  b[p + 3] = ((low >>> 21) & 127) | 128;
  const middle = (low >>> 28) | ((high << 4) & 127);
  const rest = high >>> 3;
  if (rest === 0) {
    b[p + 4] = middle;
    return p + 5;
  }
  b[p + 4] = middle | 128;
  return writeUint32(b, p + 5, rest);
}

/** Writes a safe integer in eight bytes, low ones first. */
export function writeFixed64(v: DataView, p: number, value: number | bigint): void {
  if (typeof value === "bigint") v.setBigInt64(p, BigInt.asIntN(64, value), true);
  else {
    v.setUint32(p, value >>> 0, true);
    v.setUint32(p + 4, Math.floor(value / two32) >>> 0, true);
  }
}

const two63 = 2n ** 63n;

export function isInt64(value: unknown): value is number | bigint {
  return typeof value === "number"
    ? Number.isSafeInteger(value)
    : typeof value === "bigint" && value >= -two63 && value < two63;
}

export function isUint64(value: unknown): value is number | bigint {
  return typeof value === "number"
    ? Number.isSafeInteger(value) && value >= 0
    : typeof value === "bigint" && value >= 0n && value < two63 * 2n;
}

/** King's unsigned integers have 63 bits. */
export function isUint63(value: unknown): value is number | bigint {
  return isUint64(value) && value < two63;
}
