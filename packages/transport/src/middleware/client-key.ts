import { isIPv6 } from "node:net";
import type { Exchange } from "@king-runtime/core";
import { canonicalAddress, mappedAddress } from "../ip-address.ts";

/**
 * The address that a request came from, of IPv6 its /64, which one client has for itself.
 *
 * @throws TypeError where `context` has no exchange: then nobody could be told from others.
 */
export function clientKey(_request: Request, context: unknown): string {
  const exchange = (context as { exchange?: Exchange } | undefined)?.exchange;
  const address = exchange?.session.remote?.address;
  if (address === undefined) {
    throw new TypeError(
      "rateLimit: expected the context of fromFetch as second argument, or a key",
    );
  }
  return isIPv6(address) ? networkOf(address) : address;
}

/** The first 64 bits of an IPv6 address; of one that stands for an IPv4 address, that. */
function networkOf(address: string): string {
  const [bare = ""] = address.split("%");
  const mapped = mappedAddress(bare);
  if (mapped !== undefined) return mapped;
  // In lower case, with the longest run of zeros left out.
  const [head = "", tail] = canonicalAddress(bare).split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0");
  return `${[...first, ...zeros, ...last].slice(0, 4).join(":")}::/64`;
}
