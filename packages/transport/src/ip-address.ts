/** The canonical text of an IPv6 address without a zone (RFC 5952). */
export function canonicalAddress(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1); // the platform knows it
}

/** The IPv4 address that an IPv6 address without a zone stands for (RFC 4291, section 2.5.5.2), however it is written. */
export function mappedAddress(address: string): string | undefined {
  const match = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(canonicalAddress(address));
  if (match === null) return undefined;
  const bits = match.slice(1).map((group) => Number.parseInt(group, 16));
  return bits.flatMap((group) => [group >> 8, group & 0xff]).join(".");
}
