/** Short keys met before, by a hash of their bytes: maps of one kind have the same keys again and again. */
const slots = 512;
const known = /* @__PURE__ */ new Array<string | undefined>(slots);
const longestKnown = 16;

/**
 * The text of a map key that is short and ASCII, if it was read before, else `undefined`. Keeps keys
 * only, never values, and no more of them than there are slots.
 */
export function knownKey(b: Uint8Array, p: number, end: number): string | undefined {
  const length = end - p;
  if (length > longestKnown || length === 0) return undefined;
  const key = known[slotOf(b, p, length)];
  if (key === undefined || key.length !== length) return undefined;
  for (let i = 0; i < length; i++) if (key.charCodeAt(i) !== b[p + i]) return undefined;
  return key;
}

/** Remembers the text of `p` to `end`. */
export function rememberKey(b: Uint8Array, p: number, end: number, key: string): void {
  if (key.length === end - p && key.length <= longestKnown && key.length > 0)
    known[slotOf(b, p, key.length)] = key;
}

function slotOf(b: Uint8Array, p: number, length: number): number {
  const first = b[p] as number;
  const middle = b[p + (length >> 1)] as number;
  const last = b[p + length - 1] as number;
  return (first * 31 + middle * 7 + last * 131 + length) & (slots - 1);
}

const largestIndex = "4294967294";

/** Sets an own property, whatever it is called. */
export function setEntry(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    return;
  }
  const first = key.charCodeAt(0);
  if (first >= 48 && first <= 57) sparse(map);
  map[key] = value;
}

/**
 * Makes an object keep what has an integer for a key in a table. Engines would rather reserve memory for
 * all smaller integers too, some 12 kB for the key 1023 alone.
 */
export function sparse(map: Record<string, unknown>): Record<string, unknown> {
  // The largest index there is; beyond 2^29 engines do not go back to reserving. It may be a key.
  if (Object.hasOwn(map, largestIndex)) return map;
  map[largestIndex] = undefined;
  delete map[largestIndex];
  return map;
}
