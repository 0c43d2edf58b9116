const windowMs = 1_000;

/** Streams that a client gives up, or breaks, at once and then per second. */
const brokenStreams = { burst: 500, perSecond: 50 };

/** Bytes of frames that bring neither fields nor body, such as PING, at once and then per second. */
const idleBytes = { burst: 1_048_576, perSecond: 262_144 };

/** A client may send this much of a frame's own for each byte that it brings. */
const framingPerByte = 4;

/** And this part of what it is sent, for the WINDOW_UPDATE that lets more come. */
const updatesPerByte = 1 / 8;

/**
 * What a client may make us do for nothing. nghttp2 bounds some floods by itself, and memory always; this
 * bounds the work of the others: requests that are reset at once (CVE-2023-44487), or that the client
 * makes us reset (CVE-2025-8671), and PING, SETTINGS, WINDOW_UPDATE or tiny DATA without end (RFC 9113,
 * section 10.5).
 */
export class ClientBudget {
  #broken = 0;
  #idle = 0;
  #useful = 0;
  #bytesRead = 0;
  #bytesWritten = 0;

  /** Fields or body arrived. */
  useful(bytes: number): void {
    this.#useful += bytes;
  }

  /** A stream ended without its response, by the client's doing. @returns whether it is one too many. */
  broken(): boolean {
    return ++this.#broken > brokenStreams.burst;
  }

  /** Looks at what the socket has carried after another `tickMs`. @returns whether it is too much. */
  tick(tickMs: number, bytesRead: number, bytesWritten: number): boolean {
    const read = bytesRead - this.#bytesRead;
    const written = bytesWritten - this.#bytesWritten;
    const allowed = this.#useful * (1 + framingPerByte) + written * updatesPerByte;
    this.#bytesRead = bytesRead;
    this.#bytesWritten = bytesWritten;
    this.#useful = 0;
    this.#broken = drained(this.#broken, brokenStreams.perSecond, tickMs);
    this.#idle = drained(this.#idle + Math.max(0, read - allowed), idleBytes.perSecond, tickMs);
    return this.#idle > idleBytes.burst;
  }
}

const drained = (level: number, perSecond: number, tickMs: number): number =>
  Math.max(0, level - (perSecond * tickMs) / windowMs);
