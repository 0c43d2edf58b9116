import type { StreamSession } from "@king-runtime/core";
import { sessionCodes } from "./codes.ts";
import type { Http3Settings } from "./settings.ts";
import type {
  Admission,
  ClaimedStream,
  SessionMember,
  WebTransportCarrier,
  WebTransportLimits,
} from "./web-transport.ts";

/** What is here for a session that is not. */
interface Held {
  readonly streams: ClaimedStream[];
  readonly datagrams: Uint8Array[];
  ageMs: number;
}

/** What the connection around a {@link SessionRouter} knows. */
export interface SessionRouterOptions {
  readonly quic: StreamSession;
  readonly limits: WebTransportLimits;
  readonly peerSettings: Promise<Http3Settings | undefined>;
  /** Whether a session of this id may still begin. */
  readonly isAwaited: (sessionId: number) => boolean;
}

/**
 * Brings streams and datagrams of one connection to the sessions of WebTransport that they belong to. QUIC keeps no
 * order between streams: what comes before its session is held, within limits (draft-ietf-webtrans-http3, section 4.5).
 */
export class SessionRouter implements WebTransportCarrier {
  readonly quic: StreamSession;
  readonly limits: WebTransportLimits;
  readonly peerSettings: Promise<Http3Settings | undefined>;
  readonly #isAwaited: (sessionId: number) => boolean;
  readonly #members = new Map<number, SessionMember>();
  readonly #held = new Map<number, Held>();
  readonly #count = { streams: 0, datagrams: 0, bytes: 0 };
  #admitted = 0;

  constructor({ quic, limits, peerSettings, isAwaited }: SessionRouterOptions) {
    this.quic = quic;
    this.limits = limits;
    this.peerSettings = peerSettings;
    this.#isAwaited = isAwaited;
  }

  admit(atMost = Number.POSITIVE_INFINITY): Admission | undefined {
    if (this.#admitted >= Math.min(this.limits.maxSessions, atMost)) return undefined;
    this.#admitted++;
    let hasLeft = false;
    let joined: number | undefined;
    return {
      join: (sessionId, member) => {
        joined = sessionId;
        this.#members.set(sessionId, member);
        const held = this.#release(sessionId);
        for (const claimed of held?.streams ?? []) member.onStream(claimed);
        for (const datagram of held?.datagrams ?? []) member.onDatagram(datagram);
      },
      leave: () => {
        if (hasLeft) return;
        hasLeft = true;
        this.#admitted--;
        if (joined !== undefined) this.#members.delete(joined);
      },
    };
  }

  stream(sessionId: number, claimed: ClaimedStream): void {
    const member = this.#members.get(sessionId);
    const bytes = claimed.beginning.length;
    if (member !== undefined) member.onStream(claimed);
    else if (!this.#isAwaited(sessionId)) claimed.stream.reset(sessionCodes.sessionGone);
    else if (
      this.#count.streams >= this.limits.maxHeldStreams ||
      this.#count.bytes + bytes > this.limits.maxHeldBytes
    ) {
      claimed.stream.reset(sessionCodes.bufferedStreamRejected);
    } else {
      this.#heldFor(sessionId).streams.push(claimed);
      this.#count.streams++;
      this.#count.bytes += bytes;
    }
  }

  datagram(sessionId: number, payload: Uint8Array): void {
    const member = this.#members.get(sessionId);
    if (member !== undefined) member.onDatagram(payload);
    else if (
      this.#isAwaited(sessionId) &&
      this.#count.datagrams < this.limits.maxHeldDatagrams &&
      this.#count.bytes + payload.length <= this.limits.maxHeldBytes
    ) {
      this.#heldFor(sessionId).datagrams.push(payload);
      this.#count.datagrams++;
      this.#count.bytes += payload.length;
    }
  }

  #heldFor(sessionId: number): Held {
    let held = this.#held.get(sessionId);
    if (held === undefined) {
      held = { streams: [], datagrams: [], ageMs: 0 };
      this.#held.set(sessionId, held);
    }
    return held;
  }

  #release(sessionId: number): Held | undefined {
    const held = this.#held.get(sessionId);
    if (held === undefined) return undefined;
    this.#held.delete(sessionId);
    this.#count.streams -= held.streams.length;
    this.#count.datagrams -= held.datagrams.length;
    for (const { beginning } of held.streams) this.#count.bytes -= beginning.length;
    for (const datagram of held.datagrams) this.#count.bytes -= datagram.length;
    return held;
  }

  /** There will be no such session. */
  refuse(sessionId: number): void {
    this.#reject(sessionId, sessionCodes.sessionGone);
  }

  #reject(sessionId: number, code: number): void {
    for (const { stream } of this.#release(sessionId)?.streams ?? []) stream.reset(code);
  }

  /** Lets go of what has waited for its session for longer than `timeoutMs`. */
  sweep(tickMs: number, timeoutMs: number): void {
    for (const [sessionId, held] of this.#held) {
      held.ageMs += tickMs;
      if (held.ageMs > timeoutMs) this.#reject(sessionId, sessionCodes.bufferedStreamRejected);
    }
  }

  /** The peer winds the connection down. */
  goaway(): void {
    for (const member of this.#members.values()) member.onGoaway();
  }
}
