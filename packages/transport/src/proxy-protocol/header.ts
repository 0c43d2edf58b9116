import { isIPv4, isIPv6 } from "node:net";
import type { Endpoint } from "@king-runtime/core";
import { canonicalAddress, mappedAddress } from "../ip-address.ts";

/**
 * Who is connected to whom in front of the proxy; absent where the proxy speaks for itself. An IPv6 address
 * that stands for one of IPv4, as a proxy on a socket for both may see it, is given as that.
 */
export interface ProxiedEndpoints {
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** A header of the PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt). */
export interface ProxyHeader {
  /** Bytes it takes. */
  readonly bytes: number;
  readonly endpoints: ProxiedEndpoints | undefined;
}

/** Longest header, with the extensions of version 2, which are not looked at. */
export const maxProxyHeaderBytes = 4_096;

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const maxLineBytes = 107; // of version 1, with CR LF
const fixedBytes = 16; // of version 2

/**
 * The header at the start of `bytes`; `undefined` when more of it must come.
 *
 * @throws Error for what is no such header.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  const length = Math.min(bytes.length, signature.length);
  if (bytes.subarray(0, length).equals(signature.subarray(0, length))) {
    return bytes.length < fixedBytes ? undefined : parseBinary(bytes);
  }
  return parseLine(bytes);
}

function parseLine(bytes: Buffer): ProxyHeader | undefined {
  const start = bytes.toString("latin1", 0, 6);
  if (!"PROXY ".startsWith(start)) throw new Error("expected a PROXY protocol header");
  const end = bytes.subarray(0, maxLineBytes).indexOf("\r\n");
  if (end < 0 && bytes.length < maxLineBytes) return undefined;
  if (end < 0) throw new Error(`expected a line of at most ${maxLineBytes} bytes`);
  const [, family, from = "", to = "", fromPort = "", toPort = "", ...more] = bytes
    .toString("latin1", 0, end)
    .split(" ");
  const header = (endpoints: ProxiedEndpoints | undefined) => ({ bytes: end + 2, endpoints });
  if (family === "UNKNOWN") return header(undefined);
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : undefined;
  if (isAddress === undefined) throw new Error("expected TCP4, TCP6 or UNKNOWN");
  if (!(isAddress(from) && isAddress(to)) || more.length > 0) {
    throw new Error(`expected two ${family} addresses and two ports`);
  }
  return header({
    source: endpointOf(from, portOf(fromPort)),
    destination: endpointOf(to, portOf(toPort)),
  });
}

function portOf(text: string): number {
  const port = /^(0|[1-9]\d{0,4})$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new Error("expected a port from 0 to 65535");
  return port;
}

function parseBinary(bytes: Buffer): ProxyHeader | undefined {
  const versionAndCommand = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = fixedBytes + bytes.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2) throw new Error("expected version 2");
  const command = versionAndCommand & 0xf;
  if (command > 1) throw new Error("expected LOCAL or PROXY");
  if (length > maxProxyHeaderBytes) {
    throw new Error(`expected a header of at most ${maxProxyHeaderBytes} bytes, got ${length}`);
  }
  if (bytes.length < length) return undefined;
  // LOCAL is a connection of the proxy's own; other families than TCP over IP have no such addresses.
  const addressBytes = command === 0 ? 0 : family === 0x11 ? 4 : family === 0x21 ? 16 : 0;
  if (addressBytes === 0) return { bytes: length, endpoints: undefined };
  if (length < fixedBytes + 2 * addressBytes + 4) throw new Error("expected the whole addresses");
  const ports = fixedBytes + 2 * addressBytes;
  const endpoint = (at: number, portAt: number): Endpoint =>
    endpointOf(addressOf(bytes.subarray(at, at + addressBytes)), bytes.readUInt16BE(portAt));
  return {
    bytes: length,
    endpoints: {
      source: endpoint(fixedBytes, ports),
      destination: endpoint(fixedBytes + addressBytes, ports + 2),
    },
  };
}

function endpointOf(address: string, port: number): Endpoint {
  const v4 = isIPv4(address) ? address : mappedAddress(address);
  if (v4 !== undefined) return { address: v4, port, family: "IPv4" };
  return { address, port, family: "IPv6" };
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return canonicalAddress(groups.join(":"));
}
