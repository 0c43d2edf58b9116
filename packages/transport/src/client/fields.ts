/** Field lines as parsers give them: `[name, value, name, value, ...]`, as text or its bytes. */
export type RawFields = readonly (string | Uint8Array)[];

/** The same as text (RFC 9110, section 5.5: bytes beyond ASCII are opaque). */
export function flatFields(raw: RawFields): string[] {
  return raw.map(latin1);
}

/** The value of `name`, given in lower case, without making the rest into text; several lines are joined. */
export function fieldOf(raw: RawFields, name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const each = raw[i] as string | Uint8Array;
    if (each.length !== name.length || latin1(each).toLowerCase() !== name) continue;
    const value = latin1(raw[i + 1] as string | Uint8Array);
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

const latin1 = (each: string | Uint8Array): string =>
  typeof each === "string" ? each : (each as Buffer).toString("latin1");

/** What the fields count against `maxHeaderBytes`: names and values. */
export function fieldBytes(raw: RawFields): number {
  let bytes = 0;
  for (const each of raw) bytes += each.length;
  return bytes;
}

const transferEncoding = "transfer-encoding";

/**
 * Whether a body comes in a transfer coding that nobody here undoes (RFC 9112, section 7): none but chunked was
 * asked for, and parsers look at the last one alone.
 */
export function hasStrangeCoding(raw: RawFields): boolean {
  let isChunked = false;
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.length !== transferEncoding.length) continue;
    const [name = "", value = ""] = flatFields(raw.slice(i, i + 2));
    if (name.toLowerCase() !== transferEncoding) continue;
    if (isChunked || value.trim().toLowerCase() !== "chunked") return true;
    isChunked = true;
  }
  return false;
}
