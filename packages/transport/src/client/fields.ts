/** Field lines as parsers give them: `[name, value, name, value, ...]`, as text or its bytes. */
export type RawFields = readonly (string | Uint8Array)[];

/** The same as text (RFC 9110, section 5.5: bytes beyond ASCII are opaque). */
export function flatFields(raw: RawFields): string[] {
  return raw.map((each) => (typeof each === "string" ? each : (each as Buffer).toString("latin1")));
}

/** What the fields count against `maxHeaderBytes`: names and values. */
export function fieldBytes(raw: RawFields): number {
  let bytes = 0;
  for (const each of raw) bytes += each.length;
  return bytes;
}
