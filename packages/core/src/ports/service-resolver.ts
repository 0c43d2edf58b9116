import type { Endpoint } from "../endpoint.ts";

/** One place that serves a name. */
export interface ServiceEndpoint extends Endpoint {
  /** Share of the load relative to the others. */
  readonly weight: number;
  /** Where it is, for preferring near ones. */
  readonly zone?: string;
}

/** Finds who serves a name now. */
export interface ServiceResolver {
  /** Empty when nobody does. */
  resolve(name: string, options?: { signal?: AbortSignal }): Promise<readonly ServiceEndpoint[]>;
  /** The same, again at each change. */
  watch(
    name: string,
    options?: { signal?: AbortSignal },
  ): AsyncIterable<readonly ServiceEndpoint[]>;
}
