import { parseHttpDate } from "./http-date.ts";

/** What tells one version of a resource from another. */
export interface Validators {
  /** Entity tag, quoted; with `W/` in front when it is weak. */
  readonly etag: string;
  /** In milliseconds, of whole seconds. */
  readonly lastModifiedMs: number;
}

/** Tags that are looked at in one field. */
const mostTags = 100;

/**
 * What the conditions of a GET or HEAD come to (RFC 9110, section 13.2.2, in its order): 412, 304, or 200
 * for a response with a body. `ranges` says whether a `Range` field is to be looked at.
 */
export function evaluateConditions(
  { method, headers }: Request,
  { etag, lastModifiedMs }: Validators,
  nowMs: number,
): { readonly status: 200 | 304 | 412; readonly ranges: boolean } {
  const ends = (status: 304 | 412) => ({ status, ranges: false }) as const;
  const ifMatch = headers.get("if-match");
  const since = (name: string) => parseHttpDate(headers.get(name) ?? "", nowMs);
  if (ifMatch !== null) {
    if (!listsTag(ifMatch, etag, isSameStrongly)) return ends(412);
  } else {
    const unmodifiedSince = since("if-unmodified-since");
    if (unmodifiedSince !== undefined && lastModifiedMs > unmodifiedSince) return ends(412);
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    if (listsTag(ifNoneMatch, etag, isSameWeakly)) return ends(304);
  } else {
    const modifiedSince = since("if-modified-since");
    if (modifiedSince !== undefined && lastModifiedMs <= modifiedSince) return ends(304);
  }
  const ifRange = headers.get("if-range");
  if (method !== "GET" || !headers.has("range")) return { status: 200, ranges: false };
  if (ifRange === null) return { status: 200, ranges: true };
  const isTag = ifRange.startsWith('"') || ifRange.startsWith("W/");
  // A date stands for a version only when it is strong (section 13.1.5); with a tag that is weak for
  // having just changed, it is not.
  const isSame = isTag
    ? isSameStrongly(ifRange, etag)
    : !etag.startsWith("W/") && parseHttpDate(ifRange, nowMs) === lastModifiedMs;
  return { status: 200, ranges: isSame };
}

const isSameStrongly = (a: string, b: string) => a === b && !a.startsWith("W/");
const isSameWeakly = (a: string, b: string) => a.replace(/^W\//, "") === b.replace(/^W\//, "");

/** Whether a field of entity tags has one that is the same; `*` is any (RFC 9110, section 8.8.3). */
function listsTag(field: string, etag: string, isSame: (a: string, b: string) => boolean): boolean {
  if (field.trim() === "*") return true;
  let tags = 0;
  for (const [tag] of field.matchAll(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g)) {
    if (isSame(tag, etag)) return true;
    if (++tags >= mostTags) return false;
  }
  return false;
}
