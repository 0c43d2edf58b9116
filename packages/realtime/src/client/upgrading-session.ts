import type { HeaderFields, HeaderView, Stream } from "@king-runtime/core";

/** What a WebSocket is opened on: a session that leaves HTTP, such as the one `openHttpSession` of transport gives. */
export interface UpgradingSession {
  /** `"h1"` by Upgrade (RFC 6455), `"h2"` and `"h3"` by extended CONNECT (RFC 8441, RFC 9220). */
  readonly protocol: "h1" | "h2" | "h3";
  /** Rejects with KING_HTTP_UPGRADE_REFUSED, whose details have the `status`, for any other answer. */
  upgrade(options: {
    protocol: string;
    path?: string;
    headers?: HeaderFields;
    headersTimeoutMs?: number;
    signal?: AbortSignal;
  }): Promise<{ readonly stream: Stream; readonly headers: HeaderView }>;
}
