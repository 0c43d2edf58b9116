/** Types of frames (RFC 9114, section 7.2; RFC 9218, section 7.2). */
export const frameTypes = {
  data: 0x0,
  headers: 0x1,
  cancelPush: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  goaway: 0x7,
  maxPushId: 0xd,
  priorityUpdateRequest: 0xf0700,
  priorityUpdatePush: 0xf0701,
  /** Begins a WebTransport stream on a bidirectional stream; it is no frame, for it has no length. */
  webTransportStream: 0x41,
} as const;

/** Types of HTTP/2 that are not to be used (RFC 9114, section 7.2.8). */
export const isReservedFrameType = (type: number): boolean =>
  type === 0x2 || type === 0x6 || type === 0x8 || type === 0x9;

/** Types of unidirectional streams (RFC 9114, section 6.2; RFC 9204, section 4.2). */
export const streamTypes = {
  control: 0x0,
  push: 0x1,
  qpackEncoder: 0x2,
  qpackDecoder: 0x3,
  webTransport: 0x54,
} as const;
