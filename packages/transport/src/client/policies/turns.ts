/** What waits, by key: the keys take turns, and what has one key goes in order. */
export class Turns<T> {
  /** The key whose turn it is comes first. */
  readonly #queues = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(key: string, item: T): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, [item]);
    else queue.push(item);
    this.#size++;
  }

  /** The next item of the key with the least load, which is less than `limit`; of several such keys they take turns. */
  shift(loadOf: (key: string) => number, limit: number): T | undefined {
    let least = limit;
    let found: string | undefined;
    for (const key of this.#queues.keys()) {
      const load = loadOf(key);
      if (load >= least) continue;
      least = load;
      found = key;
      if (load === 0) break;
    }
    return found === undefined ? undefined : this.shiftOf(found);
  }

  /** The next item of `key`, which then has had its turn. */
  shiftOf(key: string): T | undefined {
    const queue = this.#queues.get(key);
    const item = queue?.shift();
    if (queue === undefined || item === undefined) return undefined;
    this.#size--;
    this.#queues.delete(key);
    if (queue.length > 0) this.#queues.set(key, queue);
    return item;
  }

  clear(): void {
    this.#queues.clear();
    this.#size = 0;
  }
}
