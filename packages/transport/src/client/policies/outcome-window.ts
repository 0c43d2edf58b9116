const slices = 10;

/** Counts outcomes of the last `windowMs`, to a tenth of it. `nowMs` never goes back. */
export class OutcomeWindow {
  readonly #sliceMs: number;
  readonly #total = new Array<number>(slices).fill(0);
  readonly #failed = new Array<number>(slices).fill(0);
  /** Number of the slice that is counted into now. */
  #current = 0;

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / slices;
  }

  add(isFailure: boolean, nowMs: number): void {
    this.#moveTo(nowMs);
    const at = this.#current % slices;
    this.#total[at] = (this.#total[at] as number) + 1;
    if (isFailure) this.#failed[at] = (this.#failed[at] as number) + 1;
  }

  counts(nowMs: number): { readonly total: number; readonly failed: number } {
    this.#moveTo(nowMs);
    return { total: sum(this.#total), failed: sum(this.#failed) };
  }

  clear(): void {
    this.#total.fill(0);
    this.#failed.fill(0);
  }

  #moveTo(nowMs: number): void {
    const now = Math.floor(nowMs / this.#sliceMs);
    const passed = Math.min(slices, now - this.#current);
    for (let slice = now - passed + 1; slice <= now; slice++) {
      this.#total[slice % slices] = 0;
      this.#failed[slice % slices] = 0;
    }
    this.#current = now;
  }
}

const sum = (counts: readonly number[]): number => counts.reduce((all, each) => all + each, 0);
