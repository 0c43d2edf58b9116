/** Where our own choices come from, so that a simulation can be replayed from one seed. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `length` bytes. From {@link systemRandom} they are fit for keys and identifiers. */
  bytes(length: number): Uint8Array;
}

/** The platform's randomness: `Math.random` for choices, Web Crypto for bytes. */
export const systemRandom: Random = Object.freeze({
  next: () => Math.random(),
  bytes(length: number) {
    const bytes = new Uint8Array(length);
    // Web Crypto hands out 65,536 bytes a call at the most.
    for (let at = 0; at < length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    }
    return bytes;
  },
});

/** Repeatable randomness from one seed (SplitMix32). For simulations; never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const next32 = () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return {
    next: () => next32() / 4_294_967_296,
    bytes: (length) => Uint8Array.from({ length }, () => next32() & 0xff),
  };
}
