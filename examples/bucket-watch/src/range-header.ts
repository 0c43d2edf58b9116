import type { ByteRange } from "@king-runtime/core";

/**
 * The range a `Range` field asks for (RFC 9110, section 14.2). `undefined`: the whole representation,
 * which is also the answer to a malformed field and to several ranges at once.
 */
export function parseRange(field: string | undefined): ByteRange | undefined {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(field ?? "");
  if (!match) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const [start, end] = [Number(first), Number(last)];
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) return undefined;
  if (first === "") return { suffixLength: end };
  if (last === "") return { start };
  return end < start ? undefined : { start, length: end - start + 1 };
}
