import type { HeaderFields, InformationalResponse } from "@king-runtime/core";
import type { RequestBody } from "./request-body.ts";
import type { RequestLimits } from "./request-limits.ts";

/** Where requests go: scheme, host and port (RFC 6454), taken apart once. */
export interface Origin {
  /** Such as `"https://example.com"`; without the port where it is the scheme's own. */
  readonly text: string;
  readonly secure: boolean;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** What `Host` and `:authority` say. */
  readonly authority: string;
}

/** One request, looked at and ready to be sent on a session. */
export interface PreparedRequest {
  readonly method: string;
  readonly url: URL;
  readonly origin: Origin;
  /** Origin-form of the target (RFC 9112, section 3.2.1). */
  readonly path: string;
  readonly headers: HeaderFields;
  readonly body: RequestBody | undefined;
  /** The caller writes the body to the stream. */
  readonly isOpen: boolean;
  /** Sends the body when the server asks for it (RFC 9110, section 10.1.1). */
  readonly expectContinue: boolean;
  /** Fields to send after the body; a function is asked when it has ended. */
  readonly trailers: HeaderFields | (() => HeaderFields) | undefined;
  /** Whether to repeat it does what doing it once does (RFC 9110, section 9.2.2). */
  readonly idempotent: boolean;
  readonly decompress: boolean;
  readonly limits: RequestLimits;
  /** When `timeoutMs` is over, by the monotonic time of the clock: it began with the call. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** The protocol to leave HTTP for, by an extended CONNECT (RFC 8441, RFC 9220). */
  readonly connectProtocol?: string;
  /** Told in the moment the head of the response is here, before the connection serves anyone else. */
  readonly onAnswered?: () => void;
  readonly onInformational: ((response: InformationalResponse) => void) | undefined;
}
