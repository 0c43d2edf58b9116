import { AddressList } from "../address-list.ts";

/** Who may connect. */
export class Firewall {
  readonly #allow: AddressList;
  readonly #deny: AddressList;

  /**
   * @param lists addresses and networks; what is denied wins, and nothing allowed allows all.
   * @throws {KingError} KING_OPTION_INVALID
   */
  constructor({ allow, deny }: { allow: readonly string[]; deny: readonly string[] }) {
    this.#allow = new AddressList("allow", allow);
    this.#deny = new AddressList("deny", deny);
  }

  admits(address: string): boolean {
    if (!this.#deny.isEmpty && this.#deny.includes(address)) return false;
    return this.#allow.isEmpty || this.#allow.includes(address);
  }
}
