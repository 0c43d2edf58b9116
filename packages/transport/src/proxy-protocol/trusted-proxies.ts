import { BlockList, isIP, type Socket } from "node:net";
import { optionError } from "@king-runtime/core";

/** Addresses and networks from which connections begin with a PROXY protocol header. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly isEmpty: boolean;

  /**
   * @param trusted IP addresses, or networks such as `"10.0.0.0/8"`.
   * @throws {KingError} KING_OPTION_INVALID
   */
  constructor(trusted: readonly string[]) {
    this.isEmpty = trusted.length === 0;
    for (const each of trusted) {
      const [address = "", prefix] = each.split("/");
      const family = isIP(address);
      const bits = family === 6 ? 128 : 32;
      const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
      if (family === 0 || length < 0 || length > bits) {
        throw optionError("trustedProxies", `expected IP addresses or networks, got ${each}`);
      }
      this.#list.addSubnet(address, length, family === 6 ? "ipv6" : "ipv4");
    }
  }

  includes({ remoteAddress }: Socket): boolean {
    if (remoteAddress === undefined) return false;
    return this.#list.check(remoteAddress, isIP(remoteAddress) === 6 ? "ipv6" : "ipv4");
  }
}
