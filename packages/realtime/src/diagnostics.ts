import { channel } from "node:diagnostics_channel";
import type { Connection } from "./connection.ts";
import type { ConnectionClosed } from "./web-socket-connection.ts";

/** Published on `king:realtime:open`. */
export interface OpenDiagnostic {
  readonly connection: Connection;
}

/** Published on `king:realtime:close`. */
export interface CloseDiagnostic {
  readonly connection: Connection;
  readonly closed: ConnectionClosed;
}

/** Published on `king:realtime:refuse`. */
export interface RefuseDiagnostic {
  readonly status: number;
  readonly detail: string;
}

/** Published on `king:realtime:slow`, when a connection is closed for reading too slowly. */
export interface SlowDiagnostic {
  readonly connection: Connection;
  readonly bufferedBytes: number;
}

/** Published on `king:realtime:error`, when a callback of the application fails. */
export interface ErrorDiagnostic {
  readonly connection: Connection;
  readonly error: unknown;
}

/** What a realtime publishes on `diagnostics_channel`. */
export class RealtimeDiagnostics {
  readonly #open = channel("king:realtime:open");
  readonly #close = channel("king:realtime:close");
  readonly #refuse = channel("king:realtime:refuse");
  readonly #slow = channel("king:realtime:slow");
  readonly #error = channel("king:realtime:error");

  open(diagnostic: OpenDiagnostic): void {
    this.#open.publish(diagnostic);
  }

  close(diagnostic: CloseDiagnostic): void {
    this.#close.publish(diagnostic);
  }

  refuse(diagnostic: RefuseDiagnostic): void {
    this.#refuse.publish(diagnostic);
  }

  slow(diagnostic: SlowDiagnostic): void {
    this.#slow.publish(diagnostic);
  }

  error(diagnostic: ErrorDiagnostic): void {
    this.#error.publish(diagnostic);
  }
}
