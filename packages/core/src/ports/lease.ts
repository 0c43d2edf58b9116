/** The right to act alone under a name, for a time, among many processes. */
export interface Lease extends AsyncDisposable {
  readonly name: string;
  /** Grows with each holder of the name: a resource refuses writes that carry an older one. */
  readonly fencingToken: number;
  /** Aborts when the lease is lost; work that depends on it must stop. */
  readonly signal: AbortSignal;
}

/** Hands leases out. */
export interface LeaseStore {
  /** `undefined` when another one holds it. The holder renews it until it is disposed of. */
  acquire(
    name: string,
    options: { ttlMs: number; signal?: AbortSignal },
  ): Promise<Lease | undefined>;
}
