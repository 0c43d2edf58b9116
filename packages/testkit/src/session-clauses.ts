import { strict as assert } from "node:assert";
import type { Session, SessionEvent } from "@king-runtime/core";
import { withDeadline } from "./deadline.ts";

/** A session under test, and how to bring it about that something happens on it. */
export interface SessionHarness extends AsyncDisposable {
  readonly session: Session;
  /** Starts work that stays under way until `finish`; gives how it ended. */
  work(): Promise<{ finish(): Promise<void>; readonly ended: Promise<{ clean: boolean }> }>;
  /** Ends the connection from the other side. */
  disconnect(): Promise<void>;
  /** How long a clause waits for what must come, in milliseconds. @default 10_000 */
  readonly deadlineMs?: number;
}

/** One sentence of the contract of `Session`, and the fault that shows that it is looked at. */
export interface SessionClause {
  readonly title: string;
  run(harness: SessionHarness): Promise<void>;
  /** A session that breaks the clause: under it, `run` must fail. */
  readonly mutation: {
    readonly title: string;
    faults(session: Session): Partial<Record<keyof Session, unknown>>;
  };
}

const within = <T>(harness: SessionHarness, promise: Promise<T>, what: string): Promise<T> =>
  withDeadline(promise, what, { deadlineMs: harness.deadlineMs ?? 10_000 });

async function all(events: AsyncIterable<SessionEvent>): Promise<SessionEvent[]> {
  const seen: SessionEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

/** The contract of `Session`, clause by clause. */
export const sessionClauses: readonly SessionClause[] = [
  {
    title: "is open, knows its role, protocol and both endpoints, also after its end",
    async run(harness) {
      const { session } = harness;
      assert.equal(session.state, "open");
      assert.match(session.id, /^\S+$/);
      const facts = () => [session.role, session.protocol, session.local, session.remote];
      const before = facts();
      assert.ok(before.every((fact) => fact !== undefined));
      session.abort();
      await within(harness, session.closed, "closed");
      assert.deepEqual(facts(), before);
      assert.equal(session.state, "closed");
    },
    mutation: {
      title: "forgets its peer when it closes",
      faults: (session) => ({
        get remote() {
          return session.state === "closed" ? undefined : session.remote;
        },
      }),
    },
  },
  {
    title: "close() without work under way is clean, and ours",
    async run(harness) {
      const { session } = harness;
      await within(harness, session.close(), "close()");
      const closed = await within(harness, session.closed, "closed");
      assert.deepEqual([closed.by, closed.clean, closed.streamsAborted], ["local", true, 0]);
    },
    mutation: {
      title: "close() says that the peer did it",
      faults: (session) => ({
        get closed() {
          return session.closed.then((info) => ({ ...info, by: "peer" }));
        },
      }),
    },
  },
  {
    title: "close() waits for work under way, and lets it finish",
    async run(harness) {
      const { session } = harness;
      const work = await harness.work();
      let over = false;
      const closing = session.close({ deadlineMs: 10_000 }).then(() => {
        over = true;
      });
      assert.equal(session.state, "draining");
      assert.equal(over, false);
      await work.finish();
      assert.equal((await within(harness, work.ended, "the work's end")).clean, true);
      await within(harness, closing, "close()");
      assert.equal((await session.closed).clean, true);
    },
    mutation: {
      title: "close() cuts",
      faults: (session) => ({
        async close() {
          session.abort();
          await session.closed;
        },
      }),
    },
  },
  {
    title: "close() becomes abort() at its deadline, still resolves, and counts what it cut",
    async run(harness) {
      const { session } = harness;
      const work = await harness.work();
      await within(harness, session.close({ deadlineMs: 50 }), "close()");
      assert.equal((await within(harness, work.ended, "the work's end")).clean, false);
      const closed = await session.closed;
      assert.deepEqual([closed.by, closed.clean, closed.streamsAborted], ["local", false, 1]);
    },
    mutation: {
      title: "close() waits past its deadline",
      faults: (session) => ({ close: () => session.close({ deadlineMs: 60_000 }) }),
    },
  },
  {
    title: "close() turns into abort() when its signal fires, and still resolves",
    async run(harness) {
      const { session } = harness;
      await harness.work();
      const giveUp = new AbortController();
      const closing = session.close({ signal: giveUp.signal });
      giveUp.abort();
      await within(harness, closing, "close()");
      assert.equal((await session.closed).clean, false);
    },
    mutation: {
      title: "close() does not look at its signal",
      faults: (session) => ({ close: () => session.close() }),
    },
  },
  {
    title: "is one end, however often close() is called",
    async run(harness) {
      const { session } = harness;
      const all = [session.close(), session.close(), session[Symbol.asyncDispose]()];
      await within(harness, Promise.all(all), "every close()");
      await within(harness, session.close(), "a late close()");
      session.abort();
    },
    mutation: {
      title: "a late close() throws",
      faults: (session) => ({
        async close() {
          if (session.state === "closed") throw new Error("closed already");
          await session.close();
        },
      }),
    },
  },
  {
    title: "abort() ends work under way with the reason given",
    async run(harness) {
      const { session } = harness;
      const work = await harness.work();
      const reason = new Error("enough");
      session.abort(reason);
      const closed = await within(harness, session.closed, "closed");
      assert.equal(closed.error, reason);
      assert.deepEqual([closed.by, closed.clean, closed.streamsAborted], ["local", false, 1]);
      assert.equal((await within(harness, work.ended, "the work's end")).clean, false);
    },
    mutation: {
      title: "abort() is close()",
      faults: (session) => ({ abort: () => void session.close() }),
    },
  },
  {
    title: "tells that the peer ended it, and what that cut",
    async run(harness) {
      const { session } = harness;
      const work = await harness.work();
      await harness.disconnect();
      const closed = await within(harness, session.closed, "closed");
      assert.notEqual(closed.by, "local");
      assert.deepEqual([closed.clean, closed.streamsAborted], [false, 1]);
      assert.equal((await within(harness, work.ended, "the work's end")).clean, false);
    },
    mutation: {
      title: "counts nothing as cut",
      faults: (session) => ({
        get closed() {
          return session.closed.then((info) => ({ ...info, streamsAborted: 0 }));
        },
      }),
    },
  },
  {
    title: "reports its end to whoever asks for `closed` afterwards, each time the same",
    async run(harness) {
      const { session } = harness;
      await within(harness, session.close(), "close()");
      const first = await within(harness, session.closed, "closed");
      assert.equal(await within(harness, session.closed, "closed, again"), first);
    },
    mutation: {
      title: "a late `closed` never settles",
      faults: () => ({ closed: new Promise(() => undefined) }),
    },
  },
  {
    title: "events() ends with closed, for one who listens and for one who comes late",
    async run(harness) {
      const { session } = harness;
      const listening = all(session.events());
      await within(harness, session.close(), "close()");
      const closed = await session.closed;
      const seen = await within(harness, listening, "the last event");
      assert.deepEqual(seen.at(-1), { type: "closed", closed });
      const late = await within(harness, all(session.events()), "the event of a closed session");
      assert.deepEqual(late, [{ type: "closed", closed }]);
    },
    mutation: {
      title: "a late listener hears nothing",
      faults: (session) => ({
        events() {
          return session.state === "closed" ? (async function* () {})() : session.events();
        },
      }),
    },
  },
  {
    title: "events() rejects with the reason of its signal, and leaves the session alone",
    async run(harness) {
      const { session } = harness;
      const giveUp = new AbortController();
      const listening = all(session.events({ signal: giveUp.signal }));
      listening.catch(() => undefined);
      const reason = new Error("enough");
      giveUp.abort(reason);
      await assert.rejects(within(harness, listening, "a rejection"), (error) => error === reason);
      assert.equal(session.state, "open");
    },
    mutation: {
      title: "events() does not look at its signal",
      faults: (session) => ({ events: () => session.events() }),
    },
  },
  {
    title: "counts the streams opened and active",
    async run(harness) {
      const { session } = harness;
      const before = session.stats();
      const work = await harness.work();
      const during = session.stats();
      assert.equal(during.streamsOpened, before.streamsOpened + 1);
      assert.equal(during.streamsActive, before.streamsActive + 1);
      await work.finish();
      await within(harness, work.ended, "the work's end");
      assert.equal(session.stats().streamsOpened, before.streamsOpened + 1);
    },
    mutation: {
      title: "counts nothing",
      faults: () => ({ stats: () => ({ streamsOpened: 0, streamsActive: 0 }) }),
    },
  },
];
