import type { DrainReport, System } from "@king-runtime/core";
import { type AdminOrigin, audited } from "./admin-event.ts";
import type { AdminSubject } from "./admin-options.ts";
import { drainReportJson } from "./drain-report.ts";

/** The one drain of a system, begun here or elsewhere. */
export class DrainControl {
  readonly #system: System;
  readonly #subject: AdminSubject;
  #begun: { startedAt: string; deadlineMs: number } | undefined;
  #drained: Promise<void> | undefined;
  #report: DrainReport | undefined;

  constructor(system: System, subject: AdminSubject) {
    this.#system = system;
    this.#subject = subject;
  }

  /** Begins the drain, or joins the one under way; resolves when it is over. */
  begin(deadlineMs: number, origin: AdminOrigin): Promise<void> {
    return audited({ action: "drain" }, origin, this.#subject.clock, () => {
      this.#drained ??= this.#drain(deadlineMs);
      return this.#drained;
    });
  }

  async #drain(deadlineMs: number): Promise<void> {
    const { clock, report } = this.#subject;
    // One that was begun elsewhere has another deadline.
    if (this.#system.state !== "draining" && this.#system.state !== "stopped") {
      this.#begun = { startedAt: new Date(clock.now()).toISOString(), deadlineMs };
    }
    this.#report = await this.#system.drain({ deadlineMs });
    for (const error of this.#report.errors) report(error);
  }

  /** Where it is; `undefined` when nobody asked for it here. */
  get progress() {
    if (this.#drained === undefined) return undefined;
    return {
      state: this.#system.state,
      ...this.#begun,
      ...(this.#report === undefined ? {} : { report: drainReportJson(this.#report) }),
    };
  }
}
