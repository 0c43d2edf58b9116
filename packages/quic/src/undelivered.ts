/** Received bytes of all streams of a session that no reader has taken. */
export class Undelivered {
  readonly limitBytes: number;
  bytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Counts `length` more, unless they are too many. */
  add(length: number): boolean {
    if (this.bytes + length > this.limitBytes) return false;
    this.bytes += length;
    return true;
  }

  remove(length: number): void {
    this.bytes -= length;
  }
}
