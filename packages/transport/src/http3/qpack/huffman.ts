/**
 * Lengths of the codes of the 256 octets and the end of the string, in bits (RFC 7541, appendix B). The code is
 * canonical: codes follow from their lengths.
 */
const lengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const endOfString = 256;

const codes = canonicalCodes();

function canonicalCodes(): readonly number[] {
  const order = lengths.map((_, symbol) => symbol);
  order.sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
  const found = new Array<number>(lengths.length);
  let code = 0;
  let length = 0;
  for (const symbol of order) {
    const own = lengths[symbol] as number;
    code *= 2 ** (own - length);
    length = own;
    found[symbol] = code++;
  }
  return found;
}

/** How many bytes `text`, whose characters are octets, takes. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += lengths[text.charCodeAt(i)] as number;
  return (bits + 7) >> 3;
}

/** Writes `text` at `at`, and gives the place behind it. */
export function writeHuffman(bytes: Uint8Array, at: number, text: string): number {
  let pending = 0;
  let pendingBits = 0;
  let to = at;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    let left = lengths[symbol] as number;
    const code = codes[symbol] as number;
    while (left > 0) {
      const take = Math.min(left, 8 - pendingBits);
      left -= take;
      pending = (pending << take) | ((code >>> left) & ((1 << take) - 1));
      pendingBits += take;
      if (pendingBits < 8) continue;
      bytes[to++] = pending;
      pending = 0;
      pendingBits = 0;
    }
  }
  if (pendingBits > 0) {
    const padding = 8 - pendingBits;
    bytes[to++] = (pending << padding) | ((1 << padding) - 1);
  }
  return to;
}

const noSymbol = 0xffff;
const invalid = 0xffff;

/** For each state and each four bits: the state that follows, and the octet that is complete with them. */
interface Automaton {
  readonly next: Uint16Array;
  readonly symbol: Uint16Array;
  /** Whether what is left is padding: at most seven bits, of the end of the string. */
  readonly isPadding: Uint8Array;
}

let automaton: Automaton | undefined;

/** Built with the first string that is decoded: a process without HTTP/3 does not need it. */
function buildAutomaton(): Automaton {
  const tree: { zero: number; one: number; leaf: number }[] = [{ zero: -1, one: -1, leaf: -1 }];
  for (let symbol = 0; symbol <= endOfString; symbol++) {
    const length = lengths[symbol] as number;
    const code = codes[symbol] as number;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const side = Math.floor(code / 2 ** bit) % 2 === 1 ? "one" : "zero";
      const here = tree[node] as (typeof tree)[0];
      if (here[side] === -1) here[side] = tree.push({ zero: -1, one: -1, leaf: -1 }) - 1;
      node = here[side];
    }
    (tree[node] as (typeof tree)[0]).leaf = symbol;
  }
  const next = new Uint16Array(tree.length * 16).fill(invalid);
  const symbolOf = new Uint16Array(tree.length * 16).fill(noSymbol);
  const isPadding = new Uint8Array(tree.length);
  for (let state = 0; state < tree.length; state++) {
    if ((tree[state] as (typeof tree)[0]).leaf !== -1) continue;
    for (let bits = 0; bits < 16; bits++) {
      let node = state;
      let found = noSymbol;
      for (let bit = 3; bit >= 0 && node !== -1; bit--) {
        const here = tree[node] as (typeof tree)[0];
        node = (bits >> bit) & 1 ? here.one : here.zero;
        if (node === -1) break;
        const { leaf } = tree[node] as (typeof tree)[0];
        if (leaf === -1) continue;
        // The end of the string is not to be in it.
        if (leaf === endOfString) node = -1;
        else {
          found = leaf;
          node = 0;
        }
      }
      if (node === -1) continue;
      next[state * 16 + bits] = node;
      symbolOf[state * 16 + bits] = found;
    }
  }
  let node = 0;
  for (let depth = 0; depth < 8; depth++) {
    isPadding[node] = 1;
    node = (tree[node] as (typeof tree)[0]).one;
  }
  return { next, symbol: symbolOf, isPadding };
}

/** The text of the octets from `from` to `to`; `undefined` when they are no such code (RFC 7541, section 5.2). */
export function readHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  automaton ??= buildAutomaton();
  const { next, symbol, isPadding } = automaton;
  let state = 0;
  let text = "";
  for (let at = from; at < to; at++) {
    const octet = bytes[at] as number;
    let step = state * 16 + (octet >> 4);
    state = next[step] as number;
    if (state === invalid) return undefined;
    if (symbol[step] !== noSymbol) text += String.fromCharCode(symbol[step] as number);
    step = state * 16 + (octet & 15);
    state = next[step] as number;
    if (state === invalid) return undefined;
    if (symbol[step] !== noSymbol) text += String.fromCharCode(symbol[step] as number);
  }
  return isPadding[state] === 1 ? text : undefined;
}
