import type { HeaderFields } from "@king-runtime/core";

/**
 * The length that fields to send announce, under whatever spelling of the name.
 *
 * @throws Error for a length that is none, and for `transfer-encoding`, which is the connection's own
 * business (RFC 9112, section 6.1).
 */
export function announcedLength(fields: HeaderFields): number | undefined {
  let length: number | undefined;
  for (const name in fields) {
    if (name.length === 14 && name.toLowerCase() === "content-length") {
      const value = String(fields[name]);
      if (length !== undefined || !/^\d{1,15}$/.test(value)) {
        throw new Error(`content-length: expected one number of bytes, got ${value}`);
      }
      length = Number(value);
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      throw new Error("transfer-encoding: expected none, the protocol frames the body");
    }
  }
  return length;
}
