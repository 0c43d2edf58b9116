import { Duplex } from "node:stream";
import type { Exchange, HeaderFields } from "@king-runtime/core";

const headEnd = Buffer.from("\r\n\r\n");
// What speaks of an HTTP/1.1 connection; the exchange frames the body by itself.
const connectionFields = new Set(["connection", "keep-alive", "transfer-encoding"]);

/**
 * What a `ServerResponse` takes for its connection: reads the heads that it writes, and sends them and
 * the body as the response of an exchange. Ends with the exchange, and ends it when destroyed.
 */
export class ExchangeSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
  readonly #exchange: Exchange;
  readonly #onError: (error: unknown) => void;
  /** Bytes of a head that is not complete. */
  #head: Buffer | undefined;
  #headSent = false;
  #ended = false;

  /** `onError` is told what keeps the response from being sent, other than its client. */
  constructor(exchange: Exchange, onError: (error: unknown) => void) {
    super();
    this.#exchange = exchange;
    this.#onError = onError;
    const { local, remote } = exchange.session;
    this.remoteAddress = remote?.address;
    this.remotePort = remote?.port;
    this.remoteFamily = remote?.family;
    this.localAddress = local?.address;
    this.localPort = local?.port;
    this.encrypted = exchange.scheme === "https";
    this.on("error", () => undefined); // told by "close", and to `onError`
    this.once("finish", () => this.destroy());
    exchange.closed.then(() => this.destroy());
  }

  /** Without effect, as its siblings: the connection carries other exchanges too. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    // The request's body is pushed into the request itself.
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    // Answered without the listener, at a deadline or limit: what it says now is for nobody.
    if (!this.#headSent && this.#exchange.responded) this.#ended = true;
    if (this.#ended) {
      callback();
      return;
    }
    let room: undefined | Promise<void>;
    try {
      const body = this.#headSent ? chunk : this.#readHeads(chunk);
      if (body.length > 0) room = this.#exchange.write(body);
    } catch (error) {
      this.#ended = true; // whoever is told answers, or cuts
      this.#onError(error);
      callback(error as Error);
      return;
    }
    if (room === undefined) callback();
    else room.then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (!this.#headSent) callback();
    else this.#exchange.end().then(() => callback(), callback);
    this.#ended = true;
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.#ended && this.#exchange.state !== "closed") this.#exchange.abort(error ?? undefined);
    callback(error);
  }

  /** Takes the heads off what was written, and sends them; gives what follows. */
  #readHeads(chunk: Buffer): Buffer {
    let bytes = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk]);
    for (;;) {
      const end = bytes.indexOf(headEnd);
      if (end === -1) {
        this.#head = bytes;
        return bytes.subarray(bytes.length);
      }
      const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
      bytes = bytes.subarray(end + headEnd.length);
      const status = Number(statusLine.slice("HTTP/1.1 ".length).slice(0, 3));
      if (status >= 200) {
        this.#head = undefined;
        this.#exchange.respond(status, fieldsOf(lines));
        this.#headSent = true;
        return bytes;
      }
      // The exchange itself asks a client that waits to go on, once its body is read.
      if (status !== 100) this.#exchange.inform(status, fieldsOf(lines));
    }
  }
}

function fieldsOf(lines: readonly string[]): HeaderFields {
  const fields: Record<string, string | string[]> = Object.create(null);
  for (const line of lines) {
    const at = line.indexOf(":");
    const name = line.slice(0, at).toLowerCase();
    if (connectionFields.has(name)) continue;
    const value = line.slice(at + 1).trim();
    const before = fields[name];
    if (before === undefined) fields[name] = value;
    else fields[name] = typeof before === "string" ? [before, value] : [...before, value];
  }
  return fields;
}
