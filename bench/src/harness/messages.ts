import type { HttpLoad } from "./plane.ts";

/** What one window used. */
export interface Usage {
  /** Processor time of the process, user and system, in microseconds. */
  readonly cpuUs: number;
  /** Elapsed time, in microseconds. */
  readonly wallUs: number;
}

/** Sent to the process of a workload. */
export type WorkloadRequest =
  /** Starts counting, for a server. */
  | { readonly type: "begin" }
  /** Ends counting, for a server. */
  | { readonly type: "end" }
  /** Runs operations and counts around them. */
  | { readonly type: "run"; readonly count: number }
  | { readonly type: "close" };

/** Sent by the process of a workload: first `started`, then one answer to each request. */
export type WorkloadAnswer =
  | { readonly type: "started"; readonly port?: number }
  | { readonly type: "begun" }
  | { readonly type: "used"; readonly usage: Usage }
  | { readonly type: "closed" }
  | { readonly type: "failed"; readonly message: string };

/** Sent to the load client. */
export interface LoadRequest {
  readonly port: number;
  readonly requests: number;
  readonly load: HttpLoad;
}

/** Sent by the load client. */
export type LoadAnswer =
  | { readonly type: "ready" }
  | { readonly type: "loaded"; readonly requests: number }
  | { readonly type: "failed"; readonly message: string };

/** Sent to the subscribers: answer once this much has come in all. */
export interface SubscribersRequest {
  readonly untilBytes: number;
}

/** Sent by the subscribers. */
export type SubscribersAnswer =
  | { readonly type: "subscribed" }
  | { readonly type: "received"; readonly receivedBytes: number }
  | { readonly type: "failed"; readonly message: string };
