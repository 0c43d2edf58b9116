import { proofOf } from "../proof.ts";
import { StreamDuplex } from "../stream-duplex.ts";

type Callback = (error?: Error | null) => void;

/**
 * What `ws` takes for its connection as a client. It begins with a handshake, which no server needs to
 * see: the real one has been answered, and on HTTP/2 and /3 looks otherwise. So the first thing
 * written is answered here; everything after it is the stream's.
 */
export class OpeningDuplex extends StreamDuplex {
  #isOpen = false;

  override _read(): void {
    if (this.#isOpen) super._read();
  }

  override _write(chunk: Uint8Array, encoding: BufferEncoding, callback: Callback): void {
    if (this.#isOpen) {
      super._write(chunk, encoding, callback);
      return;
    }
    const [, key = ""] = /^sec-websocket-key: (.*?)\r$/im.exec(String(chunk)) ?? [];
    this.#isOpen = true;
    this.push(
      "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
        `sec-websocket-accept: ${proofOf(key)}\r\n\r\n`,
    );
    callback();
  }
}
