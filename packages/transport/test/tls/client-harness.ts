import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import {
  type Clock,
  resolveOptions,
  type SectionValues,
  systemClock,
  type TicketStore,
} from "@king-runtime/core";
import { withDeadline } from "@king-runtime/testkit";
import { tlsSection } from "../../src/config.ts";
import { ClientTls, type ClientTlsOptions } from "../../src/tls/client-tls.ts";

/** Settings of TLS, with some that differ from their defaults; also those that only an operator may change. */
export function tlsPolicy(
  values: Partial<SectionValues<typeof tlsSection>> = {},
): SectionValues<typeof tlsSection> {
  return { ...resolveOptions(tlsSection, {}), ...values };
}

/** A server of TLS, of node, that keeps its connections open. */
export interface TlsServer extends AsyncDisposable {
  readonly port: number;
  /** Its side of the next connection whose handshake is complete. */
  nextConnection(): Promise<TLSSocket>;
}

export async function tlsServer(options: TlsOptions): Promise<TlsServer> {
  const sockets = new Set<Socket>();
  const server = createServer(options, (socket) => {
    socket.on("error", () => undefined).resume();
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async nextConnection() {
      const [socket] = await withDeadline(once(server, "secureConnection"), "a TLS connection");
      return socket as TLSSocket;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Options of {@link secure}. */
export interface SecureOptions {
  readonly tls?: ClientTlsOptions;
  readonly policy?: Partial<SectionValues<typeof tlsSection>>;
  readonly tickets?: TicketStore;
  readonly clock?: Clock;
  /** @default "localhost" */
  readonly host?: string;
  readonly alpn?: readonly string[];
  readonly signal?: AbortSignal;
}

export async function connectTcp(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await withDeadline(once(socket, "connect"), "a connection");
  return socket;
}

/** A connection to a server on a port of this machine, by a client made for it alone. */
export async function secure(port: number, options: SecureOptions = {}): Promise<TLSSocket> {
  const { tls = {}, policy, tickets, clock = systemClock } = options;
  const { host = "localhost", alpn = [], signal } = options;
  const client = new ClientTls(tls, tlsPolicy(policy), { clock, tickets });
  const tcp = await connectTcp(port);
  return await withDeadline(client.handshake(tcp, { host, port, alpn, signal }), "a handshake");
}
