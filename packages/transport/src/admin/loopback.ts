import { isIPv4, isIPv6 } from "node:net";
import { mappedAddress } from "../ip-address.ts";

/** Whether an IP address can be reached from this machine alone (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3). */
export function isLoopback(address: string): boolean {
  if (isIPv4(address)) return address.startsWith("127.");
  const [bare = ""] = address.split("%");
  if (!isIPv6(bare)) return false;
  const mapped = mappedAddress(bare);
  if (mapped !== undefined) return mapped.startsWith("127.");
  return new URL(`http://[${bare}]`).hostname === "[::1]";
}
