import diagnostics from "node:diagnostics_channel";
import type { Clock, Endpoint } from "@king-runtime/core";
import type { HttpExchange } from "./http-exchange.ts";

/**
 * What the diagnostics channel `king:transport:access` tells of each exchange that has ended: a line of
 * an access log. The query is left out, for it may hold secrets.
 */
export interface AccessEvent {
  /** When the request came, in milliseconds since the Unix epoch. */
  readonly time: number;
  readonly durationMs: number;
  readonly requestId: string;
  /** `"h1"` or `"h2"`. */
  readonly protocol: string;
  readonly method: string;
  readonly path: string;
  /** Host and port that the client named. */
  readonly authority: string;
  /** Absent when the exchange ended without a response. */
  readonly status?: number;
  /** Payload of the request that was read, and of the response that was written. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly remote?: Endpoint;
  readonly userAgent?: string;
  /** Whether request and response were whole; otherwise `error` may say why. */
  readonly clean: boolean;
  readonly error?: string;
}

const access = diagnostics.channel("king:transport:access");

/** Tells of `exchange` when it has ended, if anybody listens now. */
export function publishAccess(exchange: HttpExchange, clock: Clock): void {
  if (!access.hasSubscribers) return;
  const time = clock.now();
  const since = clock.monotonic();
  exchange.closed.then(({ bytesRead, bytesWritten, clean, error }) => {
    const { requestId, session, method, path, authority, status } = exchange;
    const userAgent = exchange.headers.get("user-agent");
    const code = (error as { code?: unknown } | undefined)?.code;
    const event: AccessEvent = {
      time,
      durationMs: clock.monotonic() - since,
      requestId,
      protocol: session.protocol,
      method,
      path,
      authority,
      ...(status === undefined ? {} : { status }),
      bytesReceived: bytesRead,
      bytesSent: bytesWritten,
      ...(session.remote === undefined ? {} : { remote: session.remote }),
      ...(userAgent === undefined ? {} : { userAgent }),
      clean,
      ...(error === undefined ? {} : { error: typeof code === "string" ? code : error.name }),
    };
    access.publish(event);
  });
}
