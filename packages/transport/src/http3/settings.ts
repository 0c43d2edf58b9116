import { Http3Error, http3Codes } from "./codes.ts";
import { frameTypes } from "./frame-types.ts";
import { frame } from "./frame-writer.ts";
import { readVarint, varintBytes, varints } from "./varint.ts";

/**
 * Identifiers of settings (RFC 9114, section 7.2.4.1; RFC 9204, section 5; RFC 9220; RFC 9297). Of WebTransport there are
 * two, of draft-ietf-webtrans-http3-02 and -07: browsers know one or both.
 */
const identifiers = {
  qpackMaxTableCapacity: 0x1,
  maxFieldSectionSize: 0x6,
  qpackBlockedStreams: 0x7,
  enableConnectProtocol: 0x8,
  datagrams: 0x33,
  enableWebTransport: 0x2b603742,
  webTransportMaxSessions: 0xc671706a,
} as const;

/** What one side tells the other first. */
export interface Http3Settings {
  /** Largest field section taken, names, values and 32 bytes a field. @default no limit */
  readonly maxFieldSectionSize: number;
  /** Whether extended CONNECT is taken (RFC 9220). */
  readonly enableConnectProtocol: boolean;
  /** Whether datagrams are taken (RFC 9297). */
  readonly datagrams: boolean;
  /** Sessions of WebTransport at a time that are taken; 0 where it is not spoken. */
  readonly webTransportSessions: number;
}

/** The frame that says so. We keep no dynamic table, and so let nobody wait for one. */
export function settingsFrame(settings: Http3Settings): Uint8Array {
  const pairs = [identifiers.qpackMaxTableCapacity, 0, identifiers.qpackBlockedStreams, 0];
  if (settings.maxFieldSectionSize !== Number.POSITIVE_INFINITY) {
    pairs.push(identifiers.maxFieldSectionSize, settings.maxFieldSectionSize);
  }
  if (settings.enableConnectProtocol) pairs.push(identifiers.enableConnectProtocol, 1);
  if (settings.datagrams) pairs.push(identifiers.datagrams, 1);
  if (settings.webTransportSessions > 0) {
    pairs.push(identifiers.enableWebTransport, 1);
    pairs.push(identifiers.webTransportMaxSessions, settings.webTransportSessions);
  }
  return frame(frameTypes.settings, varints(...pairs));
}

/** @throws {Http3Error} H3_SETTINGS_ERROR, H3_FRAME_ERROR. */
export function readSettings(payload: Uint8Array): Http3Settings {
  const found = new Map<number, number>();
  let at = 0;
  const next = (): number => {
    const end = at < payload.length ? at + varintBytes(payload[at] as number) : Infinity;
    if (end > payload.length) {
      throw new Http3Error(http3Codes.frameError, "SETTINGS: expected pairs, got a part of one");
    }
    const value = readVarint(payload, at);
    at = end;
    return value;
  };
  while (at < payload.length) {
    const identifier = next();
    const value = next();
    if (found.has(identifier)) throw wrong(`setting ${identifier}: expected once, got twice`);
    // Those of HTTP/2 that have no meaning here (RFC 9114, section 7.2.4.1).
    if (identifier === 0 || (identifier >= 0x2 && identifier <= 0x5)) {
      throw wrong(`setting ${identifier}: expected none of HTTP/2`);
    }
    found.set(identifier, value);
  }
  return {
    maxFieldSectionSize: found.get(identifiers.maxFieldSectionSize) ?? Number.POSITIVE_INFINITY,
    enableConnectProtocol: flag(found, identifiers.enableConnectProtocol),
    datagrams: flag(found, identifiers.datagrams),
    webTransportSessions: webTransportSessions(found),
  };
}

/** The older draft has a flag, and lets clients ask for as many as they like. */
function webTransportSessions(found: ReadonlyMap<number, number>): number {
  const told = found.get(identifiers.webTransportMaxSessions);
  if (told !== undefined) return told;
  return flag(found, identifiers.enableWebTransport) ? Number.POSITIVE_INFINITY : 0;
}

function flag(found: ReadonlyMap<number, number>, identifier: number): boolean {
  const value = found.get(identifier) ?? 0;
  if (value > 1) throw wrong(`setting ${identifier}: expected 0 or 1, got ${value}`);
  return value === 1;
}

const wrong = (message: string) => new Http3Error(http3Codes.settingsError, message);
