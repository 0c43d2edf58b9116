/** Options of {@link TokenBuckets}. */
export interface TokenBucketsOptions {
  readonly limit: number;
  readonly windowMs: number;
  readonly maxKeys: number;
}

/** What {@link TokenBuckets.take} says. */
export interface TokenTaken {
  readonly taken: boolean;
  /** Whole tokens that are left. */
  readonly remaining: number;
  /** Until there is one more than now. */
  readonly nextMs: number;
}

interface Bucket {
  readonly key: string;
  /** When it is full again. */
  fullAtMs: number;
  /** The same when its place in the heap was last looked at; never later. */
  rankedMs: number;
}

/**
 * Buckets of tokens by key, each as the instant at which it is full again. A table that is full forgets
 * the bucket that is fullest, and hands what is in it on to the key that takes its place: no key gets more
 * than if all were remembered, however many there are. A heap finds it, whose ranks are brought up to date when they come to the top.
 */
export class TokenBuckets {
  readonly #perTokenMs: number;
  readonly #windowMs: number;
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, Bucket>();
  readonly #heap: Bucket[] = [];

  constructor({ limit, windowMs, maxKeys }: TokenBucketsOptions) {
    this.#perTokenMs = windowMs / limit;
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token of `key`, if there is one. `nowMs` never goes back. */
  take(key: string, nowMs: number): TokenTaken {
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      const isFull = this.#buckets.size >= this.#maxKeys;
      // It may be back for another after all: to forget it must not fill its bucket.
      const fullAtMs = isFull ? Math.max(nowMs, this.#forgetFullest()) : nowMs;
      bucket = { key, fullAtMs, rankedMs: fullAtMs };
      this.#buckets.set(key, bucket);
      this.#heap.push(bucket);
      this.#rise(this.#heap.length - 1);
    }
    const fullAtMs = Math.max(bucket.fullAtMs, nowMs) + this.#perTokenMs;
    // A millionth of a token is what sums of fractions may be off.
    const taken = fullAtMs - nowMs <= this.#windowMs + this.#perTokenMs / 1e6;
    if (taken) bucket.fullAtMs = fullAtMs;
    const missingMs = Math.max(0, bucket.fullAtMs - nowMs);
    const left = (this.#windowMs - missingMs) / this.#perTokenMs;
    const remaining = Math.max(0, Math.floor(left + 1e-6));
    return { taken, remaining, nextMs: Math.max(0, (remaining + 1 - left) * this.#perTokenMs) };
  }

  /** @returns when the bucket that is forgotten would have been full. */
  #forgetFullest(): number {
    const heap = this.#heap;
    for (;;) {
      const top = heap[0] as Bucket;
      if (top.rankedMs === top.fullAtMs) break;
      // Used since: it is not as full as its place says.
      top.rankedMs = top.fullAtMs;
      this.#sink(0);
    }
    const [fullest] = heap as [Bucket];
    this.#buckets.delete(fullest.key);
    const last = heap.pop() as Bucket;
    if (last !== fullest) {
      heap[0] = last;
      this.#sink(0);
    }
    return fullest.fullAtMs;
  }

  #rise(at: number): void {
    const heap = this.#heap;
    for (let child = at; child > 0; ) {
      const parent = (child - 1) >> 1;
      if ((heap[parent] as Bucket).rankedMs <= (heap[child] as Bucket).rankedMs) return;
      this.#swap(parent, child);
      child = parent;
    }
  }

  #sink(at: number): void {
    const heap = this.#heap;
    for (let parent = at; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        const other = heap[child];
        if (other !== undefined && other.rankedMs < (heap[least] as Bucket).rankedMs) least = child;
      }
      if (least === parent) return;
      this.#swap(parent, least);
      parent = least;
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    [heap[a], heap[b]] = [heap[b] as Bucket, heap[a] as Bucket];
  }
}
