/** Bytes from `start` to `end`, both included. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

const mostRanges = 16;

/**
 * The part of `length` bytes that a `Range` field asks for (RFC 9110, section 14): several parts count as
 * one where they overlap or touch.
 *
 * @returns `"unsatisfiable"` where nothing of it exists; `undefined` for the whole: where the field is
 * not well formed, has another unit, or asks for parts that lie apart, which a server may answer whole.
 */
export function parseRange(range: string, length: number): ByteSpan | "unsatisfiable" | undefined {
  const list = /^bytes=(.*)$/i.exec(range)?.[1];
  if (list === undefined) return undefined;
  const parts = list
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== ""); // RFC 9110, section 5.6.1
  if (parts.length === 0 || parts.length > mostRanges) return undefined;
  const spans: ByteSpan[] = [];
  for (const part of parts) {
    const match = /^(\d*)-(\d*)$/.exec(part);
    if (match === null || part === "-") return undefined;
    const span = spanOf(match[1] as string, match[2] as string, length);
    if (span === undefined) return undefined;
    if (span.start <= span.end && span.start < length) spans.push(span);
  }
  spans.sort((a, b) => a.start - b.start);
  const [first, ...others] = spans;
  if (first === undefined) return "unsatisfiable";
  let { end } = first;
  for (const span of others) {
    if (span.start > end + 1) return undefined; // a gap
    end = Math.max(end, span.end);
  }
  return { start: first.start, end };
}

function spanOf(first: string, last: string, length: number): ByteSpan | undefined {
  if (first === "") return { start: Math.max(0, length - Number(last)), end: length - 1 };
  const start = Number(first);
  if (last === "") return { start, end: length - 1 };
  // The wrong way round is not well formed, rather than unsatisfiable.
  if (Number(last) < start) return undefined;
  return { start, end: Math.min(Number(last), length - 1) };
}
