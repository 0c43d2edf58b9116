import { createHash } from "node:crypto";
import { type Endpoint, systemClock, type TicketStore } from "@king-runtime/core";
import type { ClientTls } from "./connect-options.ts";
import { ticketLifetimeMs } from "./ticket-keys.ts";

/** The tickets of one server, as a client with these settings may use them. */
export class Tickets {
  readonly #store: TicketStore;
  readonly #key: string;

  constructor(store: TicketStore, engine: string, { address, port }: Endpoint, tls: ClientTls) {
    this.#store = store;
    // A session resumed takes over what the first handshake verified: for whom, by whom, as whom.
    const { alpn, serverName, ca, cert } = tls;
    const settings = JSON.stringify([engine, serverName, alpn, ca, cert]);
    const digest = createHash("sha256").update(settings).digest("hex");
    this.#key = `quic://${address}:${port} ${digest}`;
  }

  take(): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#store.take(this.#key));
  }

  put(ticket: Uint8Array): void {
    // A store that fails costs a full handshake, no more.
    void (async () =>
      this.#store.put(this.#key, ticket, systemClock.now() + ticketLifetimeMs))().catch(
      () => undefined,
    );
  }
}
