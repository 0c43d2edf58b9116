import type { ReceivedResponse, Session } from "@king-runtime/core";

/** What a request of a client or session received. */
export interface HttpClientResponse extends ReceivedResponse {
  /** Where it came from: the last URL when redirects were followed, without a fragment. */
  readonly url: string;
  /** Redirects that were followed. */
  readonly redirects: number;
  /** The connection it came on; over HTTP/1.1 it serves one exchange at a time. */
  readonly session: Session;
}
