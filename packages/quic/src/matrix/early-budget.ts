import { readLongPacket } from "./long-header.ts";

/** Early data that is taken of a connection. */
export class EarlyBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /**
   * A datagram without the packets of early data (0-RTT) that are too many: to their sender they are lost, and what they
   * carried is sent again after the handshake.
   */
  admit(datagram: Uint8Array): Uint8Array {
    const kept: Uint8Array[] = [];
    let at = 0;
    for (;;) {
      const packet = readLongPacket(datagram, at);
      if (packet === undefined) break;
      const { start, end } = packet;
      if (packet.type !== "0-rtt" || this.#take(end - start)) {
        kept.push(datagram.subarray(start, end));
      }
      at = end;
    }
    // One with a short header reaches to the end of its datagram.
    kept.push(datagram.subarray(at));
    const length = kept.reduce((sum, each) => sum + each.length, 0);
    return length === datagram.length ? datagram : Buffer.concat(kept, length);
  }

  #take(bytes: number): boolean {
    if (bytes > this.#left) {
      // Nor what comes later, though it be smaller.
      this.#left = 0;
      return false;
    }
    this.#left -= bytes;
    return true;
  }
}
