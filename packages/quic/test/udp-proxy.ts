import { createSocket, type Socket } from "node:dgram";
import type { AddressInfo } from "node:net";
import { seededRandom } from "@king-runtime/core";

/** What a path does to the packets that cross it. */
export interface UdpProxyOptions {
  /** Part of the packets, either way, that are lost. @default 0 */
  readonly loss?: number;
  readonly seed?: number;
  /** How long each packet takes, in milliseconds: half of what a round trip does. @default 0 */
  readonly delayMs?: number;
}

/** A path between clients and a server on this machine. */
export interface UdpProxy extends AsyncDisposable {
  readonly port: number;
  readonly lost: number;
  readonly carried: number;
  /** Forgets which port its clients had towards the server: the next packet of each comes from another. */
  rebind(): void;
  /** Takes nothing from clients it has not seen. */
  closeToOthers(): void;
  /** Keeps what the server sends, until it is let go. */
  hold(): void;
  letGo(): void;
}

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("error", () => undefined);
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

export async function udpProxy(
  serverPort: number,
  { loss = 0, seed = 1, delayMs = 0 }: UdpProxyOptions = {},
): Promise<UdpProxy> {
  const front = await bound();
  const random = seededRandom(seed);
  const backs = new Map<string, Promise<Socket>>();
  const all: Promise<Socket>[] = [];
  let lost = 0;
  let carried = 0;
  const isLost = () => {
    if (random.next() >= loss) {
      carried++;
      return false;
    }
    lost++;
    return true;
  };
  let isOver = false;
  let held: (() => void)[] | undefined;
  const later = (send: () => void) => {
    const unlessOver = () => {
      if (!isOver) send();
    };
    if (delayMs === 0) unlessOver();
    else setTimeout(unlessOver, delayMs);
  };
  const backFor = (address: string, port: number): Promise<Socket> => {
    const name = `${address}:${port}`;
    let back = backs.get(name);
    if (back === undefined) {
      back = bound().then((socket) =>
        socket.on("message", (packet) => {
          if (isLost()) return;
          const send = () => later(() => front.send(packet, port, address));
          if (held === undefined) send();
          else held.push(send);
        }),
      );
      backs.set(name, back);
      all.push(back);
    }
    return back;
  };
  let isClosed = false;
  front.on("message", async (packet, { address, port }) => {
    if (isClosed && !backs.has(`${address}:${port}`)) return;
    const back = await backFor(address, port);
    if (!isLost()) later(() => back.send(packet, serverPort, "127.0.0.1"));
  });
  return {
    port: (front.address() as AddressInfo).port,
    get lost() {
      return lost;
    },
    get carried() {
      return carried;
    },
    rebind: () => backs.clear(),
    closeToOthers() {
      isClosed = true;
    },
    hold() {
      held ??= [];
    },
    letGo() {
      const sends = held ?? [];
      held = undefined;
      for (const send of sends) send();
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      front.close();
      for (const back of await Promise.all(all)) back.close();
    },
  };
}
