import type { AddressInfo } from "node:net";
import type { Endpoint } from "@king-runtime/core";

/** Where a socket of node's is bound. */
export function boundEndpoint(bound: AddressInfo | string | null): Endpoint {
  const { address, port, family } = bound as AddressInfo;
  return Object.freeze({ address, port, family: family === "IPv6" ? "IPv6" : "IPv4" });
}
