/** Error codes of HTTP/3 (RFC 9114, section 8.1; RFC 9297, section 5.2) and QPACK (RFC 9204, section 6). */
export const http3Codes = {
  datagramError: 0x33,
  noError: 0x100,
  generalProtocolError: 0x101,
  internalError: 0x102,
  streamCreationError: 0x103,
  closedCriticalStream: 0x104,
  frameUnexpected: 0x105,
  frameError: 0x106,
  excessiveLoad: 0x107,
  idError: 0x108,
  settingsError: 0x109,
  missingSettings: 0x10a,
  requestRejected: 0x10b,
  requestCancelled: 0x10c,
  requestIncomplete: 0x10d,
  messageError: 0x10e,
  connectError: 0x10f,
  versionFallback: 0x110,
  decompressionFailed: 0x200,
  encoderStreamError: 0x201,
  decoderStreamError: 0x202,
} as const;

/** Error codes of sessions of WebTransport (draft-ietf-webtrans-http3, section 9.5). */
export const sessionCodes = {
  /** The stream is of a session that has ended, or never was. */
  sessionGone: 0x170d7b68,
  /** The stream came before its session, and is not held. */
  bufferedStreamRejected: 0x3994bd84,
} as const;

/** What a peer did wrong, and the code to tell it. Of the whole connection, unless it is a message alone. */
export class Http3Error extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }

  /** Whether only one request or response is malformed (RFC 9114, section 4.1.2). */
  get isOfMessage(): boolean {
    return this.code === http3Codes.messageError;
  }
}
