import { Http3Error, http3Codes } from "../http3/codes.ts";
import { FrameReader, type FrameSink } from "../http3/frame-reader.ts";
import { frame } from "../http3/frame-writer.ts";

/** Types of capsules (RFC 9297, section 3.5; draft-ietf-webtrans-http3, section 9.6). */
const capsuleTypes = {
  datagram: 0x00,
  closeSession: 0x2843,
  drainSession: 0x78ae,
} as const;

/** Longest reason of a close, in UTF-8. */
export const maxReasonBytes = 1_024;

const codeBytes = 4;
/** No datagram of QUIC is larger. */
const maxDatagramBytes = 65_535;

/** Ends a session, with code and reason. */
export function closeCapsule(code: number, reason: string): Uint8Array {
  const text = Buffer.from(reason);
  const payload = Buffer.alloc(codeBytes + text.length);
  payload.writeUInt32BE(code);
  text.copy(payload, codeBytes);
  return frame(capsuleTypes.closeSession, payload);
}

/** Asks to wind a session down. */
export const drainCapsule = (): Uint8Array => frame(capsuleTypes.drainSession, new Uint8Array(0));

/** What a {@link CapsuleReader} tells of. */
export interface CapsuleSink {
  /** The session is over; nothing may follow. */
  onClose(code: number, reason: string): void;
  onDrain(): void;
  /** A datagram that came with the stream. */
  onDatagram(payload: Uint8Array): void;
}

/**
 * Capsules (RFC 9297, section 3.2) out of the bytes of a stream, however they are cut. It holds one of a known type, of at
 * most 64 KiB; unknown ones, and datagrams larger than that, are passed over as they come.
 */
export class CapsuleReader implements FrameSink {
  readonly #sink: CapsuleSink;
  // They look as frames do: type, length, payload.
  readonly #reader = new FrameReader(this);
  #isClosed = false;

  constructor(sink: CapsuleSink) {
    this.#sink = sink;
  }

  /** @throws {Http3Error} H3_MESSAGE_ERROR for a capsule that is malformed, or comes after the close. */
  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    if (this.#isClosed && !this.#reader.isBetweenFrames) throw late();
  }

  /** The stream has ended. @throws {Http3Error} H3_MESSAGE_ERROR within a capsule (RFC 9297, section 3.3). */
  end(): void {
    if (!this.#reader.isBetweenFrames) throw malformed("expected a whole one, got its beginning");
  }

  onFrame(type: number, length: number): "whole" | "skip" {
    if (this.#isClosed) throw late();
    if (type === capsuleTypes.closeSession) {
      const isFit = length >= codeBytes && length <= codeBytes + maxReasonBytes;
      if (!isFit) throw malformed(`close: expected 4 to 1028 bytes, got ${length}`);
      return "whole";
    }
    if (type === capsuleTypes.drainSession) {
      if (length > 0) throw malformed(`drain: expected no payload, got ${length} bytes`);
      return "whole";
    }
    return type === capsuleTypes.datagram && length <= maxDatagramBytes ? "whole" : "skip";
  }

  onPayload(type: number, payload: Uint8Array): void {
    if (type === capsuleTypes.drainSession) this.#sink.onDrain();
    else if (type === capsuleTypes.datagram) this.#sink.onDatagram(payload);
    else {
      const { buffer, byteOffset } = payload;
      const code = new DataView(buffer, byteOffset).getUint32(0);
      const reason = textOf(payload.subarray(codeBytes));
      this.#isClosed = true;
      this.#sink.onClose(code, reason);
    }
  }

  onData(): void {}
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed("close: expected a reason in UTF-8");
  }
}

const late = () => malformed("expected nothing after the close");

const malformed = (message: string) =>
  new Http3Error(http3Codes.messageError, `capsule: ${message}`);
