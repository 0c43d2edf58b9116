/** What the server of the soak test says of itself, after garbage was collected. */
export interface SoakSample {
  /** Exchanges that did not end well, and errors of handlers and streams. */
  readonly faults: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly sockets: number;
  readonly handles: number;
  readonly sessions: number;
  readonly exchanges: number;
}
