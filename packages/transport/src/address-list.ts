import { BlockList, isIP } from "node:net";
import { optionError } from "@king-runtime/core";

/** IP addresses and networks, to find out whether an address is one of them. */
export class AddressList {
  // Apart, since for node `::/0` covers IPv4, too.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();
  readonly #mapped = new BlockList();
  readonly isEmpty: boolean;

  /**
   * @param option what the list is called in errors.
   * @param list addresses such as `"::1"`, without a zone, and networks such as `"10.0.0.0/8"`.
   * @throws {KingError} KING_OPTION_INVALID
   */
  constructor(option: string, list: readonly string[]) {
    this.isEmpty = list.length === 0;
    this.#mapped.addSubnet("::ffff:0:0", 96, "ipv6");
    for (const each of list) {
      const network = parseNetwork(each);
      if (network === undefined) {
        throw optionError(option, `expected IP addresses or networks, got ${each}`);
      }
      const { address, length, family } = network;
      if (family === 4) this.#ipv4.addSubnet(address, length, "ipv4");
      else if (length >= 96 && this.#mapped.check(address, "ipv6")) {
        this.#ipv4.addSubnet(address, length, "ipv6");
      } else this.#ipv6.addSubnet(address, length, "ipv6");
    }
  }

  /**
   * Whether `address` is in the list. An IPv6 address that stands for an IPv4 one (RFC 4291, section
   * 2.5.5.2) is taken as that one, and a zone is left out of account; what is no address is not in it.
   */
  includes(address: string): boolean {
    const family = isIP(address);
    if (family === 0) return false;
    if (family === 4) return this.#ipv4.check(address, "ipv4");
    return (this.#mapped.check(address, "ipv6") ? this.#ipv4 : this.#ipv6).check(address, "ipv6");
  }
}

/** Whether `text` is an address or a network that an {@link AddressList} takes. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

function parseNetwork(text: string) {
  const match = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text);
  if (match === null) return undefined;
  const [, address = "", prefix] = match;
  const family = isIP(address);
  const bits = family === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : Number(prefix);
  return family === 0 || length > bits ? undefined : { address, length, family };
}
