import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { type DeadlineOptions, withDeadline } from "./deadline.ts";

/** Options of {@link connectRaw}. */
export interface ConnectRawOptions {
  readonly port: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** Port of its own. @default any that is free */
  readonly localPort?: number;
  /** Speaks TLS when given. */
  readonly tls?: {
    /** PEM of the authority to trust. */
    readonly ca: string;
    /** @default "localhost" */
    readonly serverName?: string;
    /** Application protocols to offer, such as `["h2", "http/1.1"]`. */
    readonly alpn?: readonly string[];
  };
  /** Whether received bytes are read at all; a peer that never reads is one with `false`. @default true */
  readonly reading?: boolean;
}

/** A connection over which a test sends exactly the bytes it means. */
export interface RawSocket extends AsyncDisposable {
  /** The protocol TLS agreed on, if any. */
  readonly alpn: string | undefined;
  /** Everything received so far that no `read*` has taken. */
  received(): Buffer;
  /** Resolves when the bytes are handed to the system. A string is sent as Latin-1. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Takes everything up to and with the first match; a string or pattern is matched as Latin-1. */
  readUntil(pattern: string | RegExp, options?: DeadlineOptions): Promise<string>;
  /** Takes exactly `count` bytes. */
  readBytes(count: number, options?: DeadlineOptions): Promise<Buffer>;
  /** Takes what comes until the peer ends or breaks the connection. */
  readToEnd(options?: DeadlineOptions): Promise<Buffer>;
  /** How the connection ended: `"end"` by the peer's FIN, `"reset"` by an error, `"closed"` by us. */
  readonly ended: Promise<"end" | "reset" | "closed">;
  /** Starts reading, where `reading` was `false`. */
  resume(): void;
  /** Ends our direction (FIN, after a TLS close_notify); theirs goes on. */
  halfClose(): void;
  /** Ends the connection with a TCP RST. */
  reset(): void;
}

/** Connects to a loopback port. @throws the connection's error, or Error after ten seconds. */
export async function connectRaw(options: ConnectRawOptions): Promise<RawSocket> {
  const tcp = connectTcp({
    port: options.port,
    host: options.host ?? "127.0.0.1",
    ...(options.localPort === undefined
      ? {}
      : { localAddress: "127.0.0.1", localPort: options.localPort }),
    allowHalfOpen: true,
    noDelay: true,
  });
  try {
    await connected(tcp, "connect");
    if (!options.tls) return new ConnectedSocket(tcp, tcp, options.reading ?? true);
    const secure = connectTls({
      socket: tcp,
      ca: options.tls.ca,
      servername: options.tls.serverName ?? "localhost",
      ALPNProtocols: [...(options.tls.alpn ?? [])],
    });
    await connected(secure, "secureConnect");
    return new ConnectedSocket(secure, tcp, options.reading ?? true);
  } catch (error) {
    tcp.destroy();
    throw error;
  }
}

function connected(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.once(event, () => {
      socket.removeListener("error", reject);
      resolve();
    });
  });
  return withDeadline(done, "a connection");
}

class ConnectedSocket implements RawSocket {
  readonly #socket: Socket;
  readonly #tcp: Socket;
  readonly #watchers = new Set<() => void>();
  #chunks: Buffer[] = [];
  #over = false;
  readonly ended: Promise<"end" | "reset" | "closed">;

  constructor(socket: Socket, tcp: Socket, reading: boolean) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.ended = new Promise((resolve) => {
      const over = (how: "end" | "reset" | "closed") => {
        this.#over = true;
        resolve(how);
        this.#notify();
      };
      socket.on("end", () => over("end"));
      socket.on("error", () => over("reset"));
      socket.on("close", () => over("closed"));
    });
    if (reading) this.resume();
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  get alpn(): string | undefined {
    return (this.#socket as TLSSocket).alpnProtocol || undefined;
  }

  resume(): void {
    this.#socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#notify();
    });
  }

  received(): Buffer {
    const all =
      this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  #take(count: number): Buffer {
    const all = this.received();
    this.#chunks = [all.subarray(count)];
    return all.subarray(0, count);
  }

  async #when(
    ready: () => boolean,
    what: string,
    options: DeadlineOptions | undefined,
    endIsFine = false,
  ): Promise<void> {
    let watcher: (() => void) | undefined;
    const reached = new Promise<void>((resolve, reject) => {
      watcher = () => {
        if (ready()) resolve();
        else if (this.#over && endIsFine) resolve();
        else if (this.#over)
          reject(new Error(`the connection ended before ${what}${this.#shown()}`));
      };
      this.#watchers.add(watcher);
      watcher();
    });
    try {
      await withDeadline(reached, () => what + this.#shown(), options);
    } finally {
      if (watcher) this.#watchers.delete(watcher);
    }
  }

  #shown(): string {
    return `; received ${JSON.stringify(this.received().toString("latin1").slice(0, 500))}`;
  }

  write(bytes: string | Uint8Array): Promise<void> {
    const data = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    return new Promise((resolve, reject) =>
      this.#socket.write(data, (error) => (error ? reject(error) : resolve())),
    );
  }

  async readUntil(pattern: string | RegExp, options?: DeadlineOptions): Promise<string> {
    let end = -1;
    const look = () => {
      const text = this.received().toString("latin1");
      if (typeof pattern === "string") {
        const at = text.indexOf(pattern);
        end = at < 0 ? -1 : at + pattern.length;
      } else {
        const match = pattern.exec(text);
        end = match ? match.index + match[0].length : -1;
      }
      return end >= 0;
    };
    await this.#when(look, String(pattern), options);
    return this.#take(end).toString("latin1");
  }

  async readBytes(count: number, options?: DeadlineOptions): Promise<Buffer> {
    await this.#when(() => this.received().length >= count, `${count} bytes`, options);
    return this.#take(count);
  }

  async readToEnd(options?: DeadlineOptions): Promise<Buffer> {
    await this.#when(() => false, "the end of the connection", options, true);
    return this.#take(this.received().length);
  }

  halfClose(): void {
    this.#socket.end();
  }

  reset(): void {
    // Through TLS there is no reset; the TCP socket below has one.
    this.#tcp.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once("close", () => resolve());
    });
    this.#socket.destroy();
    this.#tcp.destroy();
    await closed;
  }
}
