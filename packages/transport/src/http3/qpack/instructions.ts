import { Http3Error, http3Codes } from "../codes.ts";
import { type ReadPosition, readInteger } from "./prefixed-integer.ts";

/**
 * What the peer's encoder says (RFC 9204, section 4.3): that it keeps to the capacity it was given, which is none.
 * Anything put into a table that cannot hold it is an error.
 */
export class EncoderStreamReader {
  /** @throws {Http3Error} QPACK_ENCODER_STREAM_ERROR. */
  push(chunk: Uint8Array): void {
    for (const octet of chunk) {
      // Set Dynamic Table Capacity, to 0.
      if (octet === 0b0010_0000) continue;
      throw new Http3Error(
        http3Codes.encoderStreamError,
        "QPACK encoder stream: expected no use of a dynamic table",
      );
    }
  }
}

/** What the peer's decoder says (RFC 9204, section 4.4): of a table that we do not use only that streams were given up. */
export class DecoderStreamReader {
  #pending: Uint8Array = new Uint8Array(0);

  /** @throws {Http3Error} QPACK_DECODER_STREAM_ERROR. */
  push(chunk: Uint8Array): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const position: ReadPosition = { at: 0 };
    while (position.at < bytes.length) {
      const from = position.at;
      const isCancellation = ((bytes[from] as number) & 0b1100_0000) === 0b0100_0000;
      if (!isCancellation) throw refused("an acknowledgement of nothing");
      if (readInteger(bytes, position, bytes.length, 6) !== undefined) continue;
      if (bytes.length - from > 8) throw refused("an integer that is too large");
      this.#pending = bytes.slice(from);
      return;
    }
    this.#pending = new Uint8Array(0);
  }
}

const refused = (got: string) =>
  new Http3Error(
    http3Codes.decoderStreamError,
    `QPACK decoder stream: expected cancellations, got ${got}`,
  );
