import { isIP } from "node:net";
import { describeValue, optionError } from "@king-runtime/core";
import { AddressList, isNetwork } from "../address-list.ts";
import { netErrors } from "../net-errors.ts";
import { canonicalHost } from "./canonical-host.ts";

/** Where connections may go. */
export interface AddressGuardOptions {
  /**
   * Hosts that may be connected to: names, `"*.example.com"` for all names below that one, IP addresses, and
   * networks such as `"10.1.0.0/16"`. A host that is written as an address must be in one of the networks, any
   * other must be named. An address that is listed is fine whatever `privateAddresses` says; a name that is
   * listed still has to lead to addresses that are. @default every host
   */
  readonly allowHosts?: readonly string[];
  /**
   * Whether addresses that are not globally reachable are refused: those of this machine, of private and local
   * networks, of multicast and of everything else in the registries of special-purpose addresses (RFC 6890)
   * that an outsider has no business with. IPv4 addresses within IPv6 ones are looked at as what they stand for.
   *
   * @default "refuse"
   */
  readonly privateAddresses?: "allow" | "refuse";
}

const knownOptions = ["allowHosts", "privateAddresses"];

/** The special-purpose registries of IANA, and IPv4 multicast; narrower blocks that are reachable included. */
const specialIpv4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** All that is assigned for global unicast (RFC 4291, section 2.4), and translated IPv4 (RFC 6052). */
const globalIpv6 = ["2000::/3", "64:ff9b::/96"];

/** What is special within. 6to4 and Teredo hide an IPv4 address behind relays that hardly anyone runs. */
const specialIpv6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

const hostName = /^(\*\.)?[a-z\d_]([a-z\d_-]*[a-z\d_])?(\.[a-z\d_]([a-z\d_-]*[a-z\d_])?)*$/;

/**
 * Keeps connections away from where they have no business, so that a URL from outside cannot have this program
 * speak to its own network. A host is checked before it is resolved, and every address before it is connected
 * to: an answer of the DNS that changes in between gets nobody past.
 */
export class AddressGuard {
  readonly #names: ReadonlySet<string> | undefined;
  readonly #suffixes: readonly string[];
  readonly #networks: AddressList;
  readonly #special: AddressList | undefined;
  readonly #global: AddressList;

  /** @throws {KingError} KING_OPTION_INVALID */
  constructor(options: AddressGuardOptions = {}) {
    const { allowHosts, privateAddresses = "refuse" } = options;
    for (const name in options) {
      if (!knownOptions.includes(name)) {
        throw optionError(name, `expected one of ${knownOptions.join(", ")}`);
      }
    }
    if (privateAddresses !== "allow" && privateAddresses !== "refuse") {
      const got = describeValue(privateAddresses);
      throw optionError("privateAddresses", `expected "allow" or "refuse", got ${got}`);
    }
    const { names, suffixes, networks } = sorted(allowHosts ?? []);
    this.#names = allowHosts === undefined ? undefined : new Set(names);
    this.#suffixes = suffixes;
    this.#networks = new AddressList("allowHosts", networks);
    this.#global = new AddressList("global", ["0.0.0.0/0", ...globalIpv6]);
    if (privateAddresses === "allow") return;
    this.#special = new AddressList("special", [
      ...specialIpv4,
      ...specialIpv4.map(translated),
      ...specialIpv6,
    ]);
  }

  /**
   * @param host a name or an address, as it was written.
   * @throws {KingError} KING_NET_FORBIDDEN
   */
  checkHost(host: string): void {
    const canonical = canonicalHost(host);
    if (canonical === undefined) throw forbidden(host, "it is no host name and no address");
    if (isIP(canonical) === 0) {
      if (!this.#allowsName(canonical)) throw forbidden(host, "it is not in allowHosts");
      return;
    }
    if (this.#names !== undefined && !this.#networks.includes(canonical)) {
      throw forbidden(host, "it is not in allowHosts");
    }
    this.checkAddress(host, canonical);
  }

  /**
   * @param host what is to be connected to.
   * @param address one of its addresses.
   * @throws {KingError} KING_NET_FORBIDDEN
   */
  checkAddress(host: string, address: string): void {
    if (isIP(address) === 0) throw forbidden(host, `${address} is no address`, address);
    if (this.#special === undefined || this.#networks.includes(address)) return;
    if (this.#global.includes(address) && !this.#special.includes(address)) return;
    throw forbidden(host, `${address} is not globally reachable`, address);
  }

  #allowsName(name: string): boolean {
    if (this.#names === undefined || this.#names.has(name)) return true;
    return this.#suffixes.some((suffix) => name.endsWith(suffix));
  }
}

function sorted(allowHosts: readonly string[]) {
  if (!Array.isArray(allowHosts)) {
    throw optionError("allowHosts", `expected a list, got ${describeValue(allowHosts)}`);
  }
  const names: string[] = [];
  const suffixes: string[] = [];
  const networks: string[] = [];
  for (const each of allowHosts as readonly string[]) {
    const text = typeof each === "string" ? each.toLowerCase().replace(/(?<=.)\.$/, "") : "";
    if (isNetwork(text)) networks.push(text);
    // What ends in a number is an address to some, whatever else it is (WHATWG URL, section 3.5).
    else if (!hostName.test(text) || /(^|\.)(\d+|0x[\da-f]*)$/.test(text)) {
      const got = describeValue(each);
      throw optionError("allowHosts", `expected host names, addresses and networks, got ${got}`);
    } else if (text.startsWith("*.")) suffixes.push(text.slice(1));
    else names.push(text);
  }
  return { names, suffixes, networks };
}

/** The network that a network of IPv4 is to those behind a translator (RFC 6052, section 2.1). */
function translated(network: string): string {
  const [address, length] = network.split("/");
  return `64:ff9b::${address}/${96 + Number(length)}`;
}

function forbidden(host: string, reason: string, address?: string) {
  return netErrors.create("KING_NET_FORBIDDEN", `${host} may not be connected to: ${reason}`, {
    host,
    ...(address === undefined ? {} : { address }),
  });
}
