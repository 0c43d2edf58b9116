import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { withDeadline } from "@king-runtime/testkit";
import { type ListenUdpOptions, listenUdp } from "../../src/udp/listen-udp.ts";
import type { UdpListener } from "../../src/udp/udp-listener.ts";
import type { UdpSession } from "../../src/udp/udp-session.ts";

/** A listener that hands its sessions to the test. */
export interface UdpSource extends AsyncDisposable {
  readonly listener: UdpListener;
  readonly port: number;
  next(): Promise<UdpSession>;
}

export async function udpSource(options: Partial<ListenUdpOptions> = {}): Promise<UdpSource> {
  const arrived: UdpSession[] = [];
  let wanted: ((session: UdpSession) => void) | undefined;
  const listener = await listenUdp({
    onSession(session) {
      if (wanted === undefined) arrived.push(session);
      else wanted(session);
      wanted = undefined;
    },
    ...options,
  });
  return {
    listener,
    port: listener.local.port,
    next() {
      const session = arrived.shift();
      const coming = new Promise<UdpSession>((resolve) => {
        if (session === undefined) wanted = resolve;
        else resolve(session);
      });
      return withDeadline(coming, "a session");
    },
    async [Symbol.asyncDispose]() {
      listener.abort();
      await listener.closed;
    },
  };
}

/** Node's own socket, as the other side. */
export interface UdpPeer extends AsyncDisposable {
  readonly socket: Socket;
  readonly port: number;
  /** Sends, and waits until the system has it. */
  send(text: string | Uint8Array, port: number): Promise<void>;
  /** The next datagram that comes. */
  receive(): Promise<string>;
}

export async function udpPeer(): Promise<UdpPeer> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const arrived: string[] = [];
  let wanted: ((text: string) => void) | undefined;
  socket.on("message", (datagram) => {
    if (wanted === undefined) arrived.push(datagram.toString());
    else wanted(datagram.toString());
    wanted = undefined;
  });
  return {
    socket,
    port: socket.address().port,
    send: (text, port) =>
      new Promise((resolve, reject) => {
        socket.send(text, port, "127.0.0.1", (error) => (error ? reject(error) : resolve()));
      }),
    receive() {
      const text = arrived.shift();
      const coming = new Promise<string>((resolve) => {
        if (text === undefined) wanted = resolve;
        else resolve(text);
      });
      return withDeadline(coming, "a datagram");
    },
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}
