import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Endpoint, TlsFacts } from "@king-runtime/core";
import type { ProxiedEndpoints } from "./proxy-protocol/header.ts";
import { tlsFacts } from "./tls/tls-facts.ts";

/** Who is connected to whom; to be taken while the socket is open, it forgets afterwards. */
export interface SocketFacts {
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
  readonly proxy?: Endpoint;
  readonly tls?: TlsFacts;
}

export function socketFacts(socket: Socket, proxied?: ProxiedEndpoints): SocketFacts {
  const { localAddress, localPort, localFamily } = socket;
  const { remoteAddress, remotePort, remoteFamily } = socket;
  const ends =
    proxied === undefined
      ? {
          ...endpoint("local", localAddress, localPort, localFamily),
          ...endpoint("remote", remoteAddress, remotePort, remoteFamily),
        }
      : {
          local: proxied.destination,
          remote: proxied.source,
          ...endpoint("proxy", remoteAddress, remotePort, remoteFamily),
        };
  return {
    ...ends,
    ...("encrypted" in socket ? { tls: tlsFacts(socket as TLSSocket) } : {}),
  };
}

function endpoint<Side extends "local" | "remote" | "proxy">(
  side: Side,
  address: string | undefined,
  port: number | undefined,
  family: string | undefined,
): { [Each in Side]?: Endpoint } {
  if (address === undefined || port === undefined) return {};
  const known = family === "IPv4" || family === "IPv6" ? { family } : {};
  return { [side]: { address, port, ...known } } as { [Each in Side]?: Endpoint };
}
