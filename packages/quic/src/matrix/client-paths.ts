import type { Socket } from "node:dgram";
import type { Endpoint } from "@king-runtime/core";
import { connectError } from "../connect-options.ts";
import { boundEndpoint, openSocket } from "./socket.ts";

/** The sockets of a client's connection: one, and while it migrates the one it goes to. */
export class ClientPaths {
  readonly #remote: Required<Endpoint>;
  readonly #byPort = new Map<number, Socket>();
  /** Told of each packet that comes, and where to. */
  onPacket: (packet: Uint8Array, local: Required<Endpoint>) => void = ignore;
  /** A host may answer that nobody listens there; once there is a connection, QUIC alone says what is lost. */
  onError: (cause: Error) => void = ignore;

  constructor(remote: Required<Endpoint>) {
    this.#remote = remote;
  }

  /**
   * Opens one more.
   *
   * @throws {KingError} KING_QUIC_LISTEN, KING_QUIC_CONNECT.
   */
  async open(): Promise<Required<Endpoint>> {
    const { address, port, family } = this.#remote;
    const any = family === "IPv6" ? "::" : "0.0.0.0";
    const socket = await openSocket({ address: any, port: 0, family });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.connect(port, address, ((error?: Error) => {
          if (error) reject(connectError({ address, port }, error.message, error));
          else resolve();
        }) as () => void);
      });
    } catch (error) {
      socket.close();
      throw error;
    }
    const local = boundEndpoint(socket);
    this.#byPort.set(local.port, socket);
    socket.on("error", (cause) => this.onError(cause));
    socket.on("message", (packet) => this.onPacket(packet, local));
    return local;
  }

  /** Sends from the socket of `port`; the kernel knows where to. */
  send(packet: Uint8Array, port: number): void {
    this.#byPort.get(port)?.send(packet, ignore);
  }

  close(port: number): void {
    const socket = this.#byPort.get(port);
    this.#byPort.delete(port);
    socket?.close();
  }

  release(): void {
    for (const port of [...this.#byPort.keys()]) this.close(port);
  }
}

const ignore = () => undefined;
