/**
 * How a plane says what is to be measured. A plane is a file `bench/src/<plane>.ts` that exports
 *
 * ```ts
 * export const plane: BenchPlane = {
 *   name: "objectstore",
 *   rows: [
 *     {
 *       name: "durable put, 1 KB",
 *       measure: "wall",
 *       peerName: "the same sequence by hand",
 *       goal: "<= 1.30",
 *       ours: { kind: "operation", operations: 200, open: async () => ({ run, close }) },
 *       peer: { kind: "operation", operations: 200, open: async () => ({ run, close }) },
 *     },
 *   ],
 * };
 * ```
 *
 * `npm run bench -- objectstore` runs ours, the peer, and the peer once more as A/A control, each
 * in a child process of its own, in turns, for several rounds. A child imports the plane's file and
 * calls `start` or `open` of one workload, so import what is measured inside these functions:
 * then a process holds only what it measures. Children see the same sources as the tests.
 *
 * @packageDocumentation
 */

/** Everything `npm run bench -- <name>` measures. */
export interface BenchPlane {
  readonly name: string;
  readonly rows: readonly BenchRow[];
}

/** One comparison. */
export interface BenchRow {
  readonly name: string;
  /**
   * What is compared: processor time per operation (user and system, all threads of the process),
   * or elapsed time per operation. @default "cpu"
   */
  readonly measure?: "cpu" | "wall";
  /** What an operation is called in the unit column. @default "op" */
  readonly operation?: string;
  /** Who the peer is, such as `"node:http"`; its version where it has one of its own. */
  readonly peerName: string;
  /** Limit for ours / peer, such as `"<= 0.90"`; absent where the figure is only reported. */
  readonly goal?: Goal;
  readonly ours: Workload;
  /** At most the peer's own documentation, with production options. */
  readonly peer: Workload;
}

export type Goal = `${"<=" | "<"} ${number}`;

export type Workload = ServerWorkload | OperationWorkload;

/** A server in a child process, loaded by a client in another one; the server's use is counted. */
export interface ServerWorkload {
  readonly kind: "server";
  /** Starts it on a free port of 127.0.0.1. */
  start(): Promise<RunningServer>;
  readonly load: HttpLoad;
}

export interface RunningServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Requests the load client sends: keep-alive connections, one request in flight on each stream. */
export interface HttpLoad {
  /** HTTP/1.1 over raw sockets, or cleartext HTTP/2 with prior knowledge. */
  readonly protocol: "h1" | "h2";
  /** @default 16 */
  readonly connections?: number;
  /** Concurrent streams of one h2 connection. @default 8 */
  readonly streamsPerConnection?: number;
  /** Requests of one measured window. @default 20_000 */
  readonly requests?: number;
  /** Requests before the first window. @default the same number, twice */
  readonly warmUpRequests?: number;
  /** @default "GET" */
  readonly method?: string;
  /** @default "/" */
  readonly path?: string;
  /** Body sent with each request, in bytes. @default 0 */
  readonly bodyBytes?: number;
  /** Size every response body must have, in bytes: a wrong answer fails the run. */
  readonly expectBodyBytes: number;
}

/** A function in a child process; the child's use is counted. */
export interface OperationWorkload {
  readonly kind: "operation";
  open(): Promise<OpenOperation>;
  /** Operations of one measured window: enough for 100 ms or more. */
  readonly operations: number;
  /** Operations before the first window. @default the same number */
  readonly warmUpOperations?: number;
}

export interface OpenOperation {
  /** Runs `count` operations, to their end. */
  run(count: number): Promise<void>;
  close(): Promise<void>;
}
