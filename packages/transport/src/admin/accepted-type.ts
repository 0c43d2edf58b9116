/**
 * The media type of `offered` that a client likes best by its `Accept` (RFC 9110, section 12.5.1); the first
 * of equals, and the first of all where it likes none.
 */
export function acceptedType(accept: string | null, offered: readonly string[]): string {
  const [first = ""] = offered;
  if (accept === null) return first;
  const ranges = accept.split(",").map(readRange);
  let best = { type: first, weight: 0 };
  for (const type of offered) {
    const weight = weightOf(type, ranges);
    if (weight > best.weight) best = { type, weight };
  }
  return best.type;
}

interface MediaRange {
  readonly range: string;
  readonly weight: number;
}

function readRange(text: string): MediaRange {
  const [range = "", ...parameters] = text.split(";").map((each) => each.trim().toLowerCase());
  const weight = parameters.find((each) => each.startsWith("q="))?.slice(2) ?? "1";
  return { range, weight: /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0 };
}

/** By the most exact of the ranges that it is in; of equals the highest. */
function weightOf(type: string, ranges: readonly MediaRange[]): number {
  for (const wanted of [type, type.replace(/\/.*/, "/*"), "*/*"]) {
    const weights = ranges.filter(({ range }) => range === wanted).map(({ weight }) => weight);
    if (weights.length > 0) return Math.max(...weights);
  }
  return 0;
}
