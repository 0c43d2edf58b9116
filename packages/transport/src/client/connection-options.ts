import type { Clock, HasSection, TicketStore } from "@king-runtime/core";
import type { requestSection, tlsSection } from "../config.ts";
import type { AddressGuardOptions } from "../dial/address-guard.ts";
import type { Connector } from "../dial/connector.ts";
import type { ProxyOptions } from "../dial/proxy.ts";
import type { Resolver } from "../dial/resolver.ts";
import type { ClientTlsOptions } from "../tls/client-tls.ts";
import type { ClientProtocol } from "./protocols.ts";
import type { ClientQuicOptions } from "./quic-dialler.ts";

/** How connections are made. */
export interface ConnectionOptions extends AddressGuardOptions {
  /** Trust, and a certificate of one's own. */
  tls?: ClientTlsOptions;
  /**
   * What a connection may speak, best first: settled by ALPN over TLS; without TLS HTTP/1.1, or with
   * `["h2"]` HTTP/2 with prior knowledge. `"h3"` needs `quic`: alone it is all that is tried; beside others a session
   * tries it first, and a client where the origin has told of it (Alt-Svc).
   *
   * @default ["h2", "h1"], with `quic` ["h3", "h2", "h1"]
   */
  protocols?: readonly ClientProtocol[];
  /** Speaks HTTP/3 as well, by this engine. Refused with `proxy`, `tls.passphrase` and `tls.pins`. @default no HTTP/3 */
  quic?: ClientQuicOptions;
  /** Makes every connection through this proxy, by CONNECT. */
  proxy?: ProxyOptions;
  /** Where TLS sessions to be resumed are kept, see `createTicketStore`. @default none are kept */
  tickets?: TicketStore;
  /** @default the system's */
  resolver?: Resolver;
  /** Makes one TCP connection. @default TCP, without Nagle's algorithm */
  connector?: Connector;
  config?: HasSection<typeof requestSection> & HasSection<typeof tlsSection>;
  /** @default systemClock */
  clock?: Clock;
  connectTimeoutMs?: number;
  /** Bounds the head, the trailers, and the interim responses together, each by itself. */
  maxHeaderBytes?: number;
  maxWriteBufferBytes?: number;
}

/** Names of {@link ConnectionOptions} that are no keys of the `request` section. */
export const connectionOthers = [
  "tls",
  "protocols",
  "quic",
  "proxy",
  "tickets",
  "resolver",
  "connector",
  "clock",
  "allowHosts",
  "privateAddresses",
] as const;
