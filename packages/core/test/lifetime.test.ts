import { testClock } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { type Clock, type Closed, Lifetime } from "../src/index.ts";

/** A thing whose end the test decides. */
class Thing extends Lifetime<Closed> {
  protected override readonly kind = "thing";
  readonly log: unknown[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  protected override get clock(): Clock {
    return this.#clock;
  }

  get state(): "open" | "draining" | "closed" {
    return this.ended === undefined ? (this.closing ? "draining" : "open") : "closed";
  }

  protected beginClose({ reason }: { reason?: string }): void {
    this.log.push(`close ${reason}`);
  }

  abort(reason?: unknown): void {
    this.log.push("abort");
    this.finish({ by: "local", clean: false, ...(reason instanceof Error && { error: reason }) });
  }

  over(): void {
    this.finish({ by: "peer", clean: true });
  }
}

test("begins to close once, whoever calls how often, and all wait for the one end", async () => {
  const clock = testClock();
  const thing = new Thing(clock);
  const both = Promise.all([thing.close({ reason: "a" }), thing.close({ reason: "b" })]);
  expect(thing.state).toBe("draining");
  thing.over();
  await both;
  await thing.close();
  expect(thing.log).toEqual(["close a"]);
  expect(clock.pendingTimers).toBe(0);
});

test("aborts at the deadline of whoever is least patient, and still resolves", async () => {
  const clock = testClock();
  const thing = new Thing(clock);
  const both = Promise.all([thing.close({ deadlineMs: 1_000 }), thing.close({ deadlineMs: 10 })]);
  await clock.advanceAsync(10);
  await both;
  expect(thing.log).toEqual(["close undefined", "abort"]);
  const { error } = await thing.closed;
  expect(error?.message).toBe("close: not finished within deadlineMs (10)");
  expect(clock.pendingTimers).toBe(0);
});

test("waits without a timer when the deadline is Infinity", async () => {
  const clock = testClock();
  const thing = new Thing(clock);
  const closing = thing.close({ deadlineMs: Number.POSITIVE_INFINITY });
  expect(clock.pendingTimers).toBe(0);
  thing.over();
  await closing;
});

test("aborts when the signal of a close fires, also one that had fired before", async () => {
  for (const early of [true, false]) {
    const giveUp = new AbortController();
    const thing = new Thing(testClock());
    const reason = new Error("enough");
    if (early) giveUp.abort(reason);
    const closing = thing.close({ signal: giveUp.signal });
    giveUp.abort(reason);
    await closing;
    expect((await thing.closed).error).toBe(reason);
  }
});

test("counts the first end only, and tells it to whoever asks later", async () => {
  const thing = new Thing(testClock());
  thing.over();
  thing.abort();
  expect(await thing.closed).toEqual({ by: "peer", clean: true });
  expect(await thing.closed).toBe(await thing.closed);
  expect(thing.id).toMatch(/^thing-\d+$/);
});

test("is aborted, and not left half closed, when its end cannot even begin", async () => {
  const failure = new Error("cannot begin");
  class Broken extends Thing {
    protected override beginClose(): void {
      throw failure;
    }
  }
  const thing = new Broken(testClock());
  await thing.close();
  expect((await thing.closed).error).toBe(failure);
});

test.each([[Number.NaN], [-1], ["soon" as never]])(
  "a deadline of %s is refused, and nothing has begun",
  async (deadlineMs) => {
    const thing = new Thing(testClock());
    await expect(thing.close({ deadlineMs })).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option: "deadlineMs" },
    });
    expect([thing.state, thing.log]).toEqual(["open", []]);
  },
);
