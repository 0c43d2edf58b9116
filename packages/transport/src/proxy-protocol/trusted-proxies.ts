import type { Socket } from "node:net";
import { AddressList } from "../address-list.ts";

/** Addresses and networks from which connections begin with a PROXY protocol header. */
export class TrustedProxies {
  readonly #list: AddressList;
  readonly isEmpty: boolean;

  /**
   * @param trusted IP addresses, or networks such as `"10.0.0.0/8"`.
   * @throws {KingError} KING_OPTION_INVALID
   */
  constructor(trusted: readonly string[]) {
    this.#list = new AddressList("trustedProxies", trusted);
    this.isEmpty = this.#list.isEmpty;
  }

  includes({ remoteAddress }: Socket): boolean {
    return remoteAddress !== undefined && this.#list.includes(remoteAddress);
  }
}
