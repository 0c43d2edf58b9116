import { defineErrors, errorCode } from "../errors.ts";

export const systemErrors = defineErrors({
  /**
   * The components cannot form a system: a name or gate twice, an unknown dependency, a cycle.
   * @remedy Correct the component the message names.
   */
  KING_SYSTEM_INVALID: errorCode<{ component: string }>("validation"),
  /**
   * A component or gate was asked for that the system does not have.
   * @remedy Use a name that the message lists.
   */
  KING_SYSTEM_UNKNOWN: errorCode<{ name: string }>("validation"),
  /**
   * Work was refused because its component, or one it depends on, is not ready, or the system drains.
   * @remedy Repeat later, or elsewhere.
   */
  KING_SYSTEM_NOT_READY: errorCode<{ gate: string; component: string; state: string }>(
    "unavailable",
    { retryable: true },
  ),
  /**
   * A component failed to start, or did not within `startTimeoutMs`, and what had started was stopped;
   * or it was to restart and did not stop.
   * @remedy See `cause`.
   */
  KING_SYSTEM_START: errorCode<{ component: string }>("unavailable"),
  /**
   * The call does not fit the state of the system, such as a second `start()`.
   * @remedy Start a system once; make a new one after it stopped.
   */
  KING_SYSTEM_STATE: errorCode<{ state: string }>("state"),
});
