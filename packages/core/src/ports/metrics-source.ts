/** One number at one moment. */
export interface MetricSample {
  readonly name: string;
  readonly value: number;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Where decisions get their numbers from. */
export interface MetricsSource {
  /** The latest samples of `name`; empty when there are none, which is not the same as zero. */
  latest(name: string, options?: { signal?: AbortSignal }): Promise<readonly MetricSample[]>;
}
