import { strict as assert } from "node:assert";
import {
  KingError,
  type OpenStreamOptions,
  type Stream,
  type StreamCapability,
  type StreamSession,
} from "@king-runtime/core";
import { withDeadline } from "./deadline.ts";
import { memoryStreams } from "./memory-pair.ts";
import { mutate } from "./mutate.ts";
import type { StreamPeer } from "./stream-clauses.ts";
import type { StreamSessionPeer } from "./stream-session-peer.ts";

/** A session of raw streams under test, and its peer. */
export interface StreamSessionHarness extends AsyncDisposable {
  readonly session: StreamSession;
  readonly peer: StreamSessionPeer;
  /** Streams of one direction that the session may have open, at least 3. */
  readonly streamLimit: number;
  /** How long a clause waits for what must come, in milliseconds. @default 10_000 */
  readonly deadlineMs?: number;
}

/** One sentence of the contract of `StreamSession`, and the fault that shows that it is looked at. */
export interface StreamSessionClause {
  readonly title: string;
  /** Holds for sessions that have this capability. */
  readonly needs?: StreamCapability;
  /** Holds for sessions that lack this capability. */
  readonly lacks?: StreamCapability;
  run(harness: StreamSessionHarness): Promise<void>;
  /** A session that breaks the clause: under it, `run` must fail. */
  readonly mutation: {
    readonly title: string;
    faults(session: StreamSession): Partial<Record<keyof StreamSession, unknown>>;
  };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

const within = <T>(harness: StreamSessionHarness, promise: Promise<T>, what: string): Promise<T> =>
  withDeadline(promise, what, { deadlineMs: harness.deadlineMs ?? 10_000 });

/** A promise that a failing clause may leave behind without bringing the test process down. */
function apart<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function collectPeer(peer: StreamPeer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = await peer.read();
    if (chunk === undefined) return Buffer.concat(chunks).toString();
    chunks.push(chunk);
  }
}

/** The next streams of the peer, without ending the iteration. */
function incoming(harness: StreamSessionHarness): () => Promise<Stream> {
  const source = harness.session.streams()[Symbol.asyncIterator]();
  return async () => {
    const { done, value } = await within(harness, source.next(), "a stream of the peer");
    assert.ok(!done, "expected a stream, got the end");
    return value;
  };
}

/** Opens a stream that the peer has heard of. */
async function openKnown(harness: StreamSessionHarness): Promise<[Stream, StreamPeer]> {
  const stream = await within(harness, harness.session.openStream(), "openStream()");
  await stream.write(bytes("!"));
  const peer = await within(harness, harness.peer.accept(), "the stream at the peer");
  assert.equal(Buffer.from((await peer.read()) ?? []).toString(), "!");
  return [stream, peer];
}

/** A datagram of this size, sent again and again until one has come: any may be lost. */
async function arrival(
  harness: StreamSessionHarness,
  next: () => Promise<Uint8Array>,
  size: number,
  send: () => void,
): Promise<Uint8Array> {
  send();
  const again = setInterval(send, 100);
  let isOver = false;
  const coming = async () => {
    for (;;) {
      const datagram = await next();
      if (datagram.length === size || isOver) return datagram;
    }
  };
  try {
    return await within(harness, coming(), `a datagram of ${size} bytes`);
  } finally {
    isOver = true;
    clearInterval(again);
  }
}

/** Ends both directions, and waits until both sides have seen it. */
async function finish(harness: StreamSessionHarness, stream: Stream, peer: StreamPeer) {
  await stream.end();
  await peer.end();
  await within(harness, Promise.all([collect(stream), collectPeer(peer)]), "both ends");
  await within(harness, stream.closed, "the stream's end");
}

function refuses(code: string) {
  return (error: unknown) => {
    assert.ok(KingError.is(error), `expected a KingError, got ${String(error)}`);
    assert.equal(error.code, code);
    return true;
  };
}

/** How it came out, so that a deadline is not taken for the refusal that was expected. */
const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => "granted",
    () => "refused",
  );

/** A stream that leads nowhere. */
const lost = (): Stream => memoryStreams()[0];

/** `streams()` with each stream changed. */
const eachStream = (session: StreamSession, change: (stream: Stream) => Stream | Promise<Stream>) =>
  async function* () {
    for await (const stream of session.streams()) yield await change(stream);
  };

/** The contract of `StreamSession`, clause by clause. */
export const streamSessionClauses: readonly StreamSessionClause[] = [
  {
    title: "gives the streams that the peer opens, in order",
    async run(harness) {
      const next = incoming(harness);
      for (const name of ["one", "two", "three"]) {
        const peer = await harness.peer.open(bytes(name));
        await peer.end();
      }
      for (const name of ["one", "two", "three"]) {
        assert.equal(await within(harness, collect(await next()), "its bytes"), name);
      }
    },
    mutation: {
      title: "gives the second one first",
      faults: (session) => ({
        async *streams() {
          const source = session.streams()[Symbol.asyncIterator]();
          const first = await source.next();
          const second = await source.next();
          yield second.value;
          yield first.value;
        },
      }),
    },
  },
  {
    title: "ends streams() with the session",
    async run(harness) {
      const { session } = harness;
      const iterating = apart(
        (async () => {
          for await (const _ of session.streams());
        })(),
      );
      await within(harness, session.close(), "close()");
      await within(harness, iterating, "the end of streams()");
      for await (const _ of session.streams())
        assert.fail("expected no stream of a closed session");
    },
    mutation: {
      title: "streams() waits for ever",
      faults: (session) => ({
        async *streams() {
          yield* session.streams();
          await new Promise(() => undefined);
        },
      }),
    },
  },
  {
    title: "has one reader of streams() (KING_STREAM_BUSY)",
    async run(harness) {
      const { session } = harness;
      const first = session.streams()[Symbol.asyncIterator]().next();
      await assert.rejects(
        within(harness, session.streams()[Symbol.asyncIterator]().next(), "a refusal"),
        refuses("KING_STREAM_BUSY"),
      );
      await harness.peer.open(bytes("for the first"));
      assert.equal((await within(harness, first, "a stream")).done, false);
    },
    mutation: {
      title: "a second reader gets nothing",
      faults: (session) => {
        let taken = false;
        return {
          streams() {
            if (taken) return (async function* () {})();
            taken = true;
            return session.streams();
          },
        };
      },
    },
  },
  {
    title: "opens streams on which the peer can answer",
    async run(harness) {
      const [stream, peer] = await openKnown(harness);
      assert.equal(stream.direction, "both");
      await stream.end(bytes("question"));
      assert.equal(await within(harness, collectPeer(peer), "the question"), "question");
      await peer.write(bytes("answer"));
      await peer.end();
      assert.equal(await within(harness, collect(stream), "the answer"), "answer");
      assert.equal((await within(harness, stream.closed, "the end")).clean, true);
    },
    mutation: {
      title: "opens a stream that leads nowhere",
      faults: () => ({ openStream: async () => lost() }),
    },
  },
  {
    title: "carries many streams at once, each at its own pace",
    async run(harness) {
      const next = incoming(harness);
      const count = harness.streamLimit;
      const peers: StreamPeer[] = [];
      for (let i = 0; i < count; i++) peers.push(await harness.peer.open(bytes(`${i}:`)));
      const streams: Stream[] = [];
      for (let i = 0; i < count; i++) streams.push(await next());
      // The last one is over before the first one has begun.
      for (let i = count - 1; i >= 0; i--) {
        const peer = peers[i] as StreamPeer;
        await peer.write(bytes("done"));
        await peer.end();
        const text = await within(harness, collect(streams[i] as Stream), `stream ${i}`);
        assert.equal(text, `${i}:done`);
      }
    },
    mutation: {
      title: "gives a stream when the one before has ended",
      faults: (session) => ({
        async *streams() {
          for await (const stream of session.streams()) {
            yield stream;
            await stream.closed;
          }
        },
      }),
    },
  },
  {
    title: "goes on with other streams while nobody reads one",
    async run(harness) {
      const next = incoming(harness);
      const unread = await harness.peer.open(bytes("nobody reads this"));
      // More than is sent at once, less than any limit of what is held.
      apart(unread.write(new Uint8Array(600_000)));
      const held = await next();
      const peer = await harness.peer.open(bytes("read "));
      await peer.write(bytes("at once"));
      await peer.end();
      assert.equal(
        await within(harness, collect(await next()), "the other stream"),
        "read at once",
      );
      assert.equal(held.state, "open");
    },
    mutation: {
      title: "an unread stream blocks the session",
      faults: (session) => {
        let first: Stream | undefined;
        return {
          streams: eachStream(session, async (stream) => {
            if (first !== undefined) await first.closed;
            first ??= stream;
            return stream;
          }),
        };
      },
    },
  },
  {
    title: "refuses to open more streams than may be open (KING_STREAM_LIMIT)",
    async run(harness) {
      const { session, streamLimit } = harness;
      for (let i = 0; i < streamLimit; i++) {
        await within(harness, session.openStream(), `stream ${i + 1} of ${streamLimit}`);
      }
      await assert.rejects(
        within(harness, session.openStream(), "a refusal"),
        refuses("KING_STREAM_LIMIT"),
      );
    },
    mutation: {
      title: "opens streams that nobody will see",
      faults: (session) => ({
        openStream: () => session.openStream().catch(() => lost()),
      }),
    },
  },
  {
    title: "waits at the limit when asked to, until a stream has ended",
    async run(harness) {
      const { session, streamLimit } = harness;
      const [first, peer] = await openKnown(harness);
      for (let i = 1; i < streamLimit; i++) await openKnown(harness);
      const waiting = apart(session.openStream({ atLimit: "wait" }));
      await finish(harness, first, peer);
      const stream = await within(harness, waiting, "a stream");
      await stream.end(bytes("mine"));
      const other = await within(harness, harness.peer.accept(), "it at the peer");
      assert.equal(await within(harness, collectPeer(other), "its bytes"), "mine");
    },
    mutation: {
      title: "never waits",
      faults: (session) => ({ openStream: () => session.openStream() }),
    },
  },
  {
    title: "gives up waiting with the reason of the signal, and takes no stream for it",
    async run(harness) {
      const { session, streamLimit } = harness;
      const [first, peer] = await openKnown(harness);
      for (let i = 1; i < streamLimit; i++) await openKnown(harness);
      const giveUp = new AbortController();
      const reason = new Error("enough");
      const waiting = apart(session.openStream({ atLimit: "wait", signal: giveUp.signal }));
      giveUp.abort(reason);
      await assert.rejects(within(harness, waiting, "a rejection"), (error) => error === reason);
      await assert.rejects(
        session.openStream({ signal: giveUp.signal }),
        (error) => error === reason,
      );
      await finish(harness, first, peer);
      await within(harness, session.openStream({ atLimit: "wait" }), "the stream that is left");
    },
    mutation: {
      title: "does not look at its signal",
      faults: (session) => ({
        openStream: ({ signal: _, ...options }: OpenStreamOptions) => session.openStream(options),
      }),
    },
  },
  {
    title: "refuses to open a stream once it closes, also to those who wait (KING_SESSION_CLOSED)",
    async run(harness) {
      const { session, streamLimit } = harness;
      const opened: Stream[] = [];
      for (let i = 0; i < streamLimit; i++) opened.push(await session.openStream());
      const waiting = apart(session.openStream({ atLimit: "wait" }));
      const closing = session.close();
      assert.equal(session.state, "draining");
      await assert.rejects(
        within(harness, waiting, "the end of the wait"),
        refuses("KING_SESSION_CLOSED"),
      );
      await assert.rejects(session.openStream(), refuses("KING_SESSION_CLOSED"));
      for (const stream of opened) stream.reset();
      await within(harness, closing, "close()");
      await assert.rejects(session.openStream(), refuses("KING_SESSION_CLOSED"));
    },
    mutation: {
      title: "opens streams while it closes",
      faults: (session) => ({
        openStream: (options?: object) =>
          session.state === "open" ? session.openStream(options) : Promise.resolve(lost()),
      }),
    },
  },
  {
    title: "opens a stream that only it sends on",
    needs: "unidirectional",
    async run(harness) {
      const stream = await harness.session.openStream({ direction: "send" });
      assert.equal(stream.direction, "send");
      await stream.write(bytes("one "));
      await stream.end(bytes("way"));
      const peer = await within(harness, harness.peer.accept(), "the stream at the peer");
      assert.equal(await within(harness, collectPeer(peer), "its bytes"), "one way");
      assert.equal(await within(harness, collect(stream), "the end of nothing"), "");
      const closed = await within(harness, stream.closed, "the end");
      assert.deepEqual([closed.clean, closed.bytesRead, closed.bytesWritten], [true, 0, 7]);
    },
    mutation: {
      title: "does not look at the direction",
      faults: (session) => ({ openStream: () => session.openStream() }),
    },
  },
  {
    title: "gives a stream that only the peer sends on as one to read",
    needs: "unidirectional",
    async run(harness) {
      const next = incoming(harness);
      const peer = await harness.peer.open(bytes("just listen"), "send");
      const stream = await next();
      assert.equal(stream.direction, "receive");
      assert.throws(() => stream.write(bytes("no")), refuses("KING_STREAM_ENDED"));
      await stream.end();
      await peer.end();
      assert.equal(await within(harness, collect(stream), "its bytes"), "just listen");
      assert.equal((await within(harness, stream.closed, "the end")).clean, true);
    },
    mutation: {
      title: "pretends that it can be answered on",
      faults: (session) => ({
        streams: eachStream(session, (stream) => mutate(stream, { direction: "both" })),
      }),
    },
  },
  {
    title: "refuses a stream that only it sends on (KING_STREAM_UNSUPPORTED)",
    lacks: "unidirectional",
    async run(harness) {
      await assert.rejects(
        within(harness, harness.session.openStream({ direction: "send" }), "a refusal"),
        refuses("KING_STREAM_UNSUPPORTED"),
      );
    },
    mutation: {
      title: "opens another stream instead",
      faults: (session) => ({ openStream: () => session.openStream() }),
    },
  },
  {
    title: "carries datagrams both ways, each whole",
    needs: "datagrams",
    async run(harness) {
      const { session, peer } = harness;
      for (const size of [1, 100, session.maxDatagramBytes]) {
        const sent = Buffer.alloc(size);
        const there = await arrival(
          harness,
          () => peer.datagram(),
          size,
          () => {
            session.sendDatagram(sent.fill(size));
            sent.fill(0); // it is the caller's again
          },
        );
        assert.deepEqual(Buffer.from(there), Buffer.alloc(size, size));
      }
      const received = session.datagrams()[Symbol.asyncIterator]();
      const read = async () => (await received.next()).value as Uint8Array;
      const back = await arrival(harness, read, 4, () => void peer.sendDatagram(bytes("back")));
      assert.equal(Buffer.from(back).toString(), "back");
      const { datagramsSent = 0, datagramsReceived = 0, datagramsDropped } = session.stats();
      assert.ok(datagramsSent >= 3 && datagramsReceived >= 1, "expected them to be counted");
      assert.equal(datagramsDropped, 0);
    },
    mutation: {
      title: "cuts datagrams",
      faults: (session) => ({
        sendDatagram: (datagram: Uint8Array) => session.sendDatagram(datagram.subarray(1)),
      }),
    },
  },
  {
    title: "refuses a datagram that is too large (KING_OPTION_INVALID)",
    needs: "datagrams",
    async run({ session }) {
      const most = session.maxDatagramBytes;
      assert.ok(most >= 1_000, `expected room for 1,000 bytes, got ${most}`);
      // Larger than any packet: what a path takes may be found to be more meanwhile.
      const tooLarge = new Uint8Array(70_000);
      assert.throws(() => session.sendDatagram(tooLarge), refuses("KING_OPTION_INVALID"));
    },
    mutation: {
      title: "drops it without a word",
      faults: () => ({ sendDatagram: () => false }),
    },
  },
  {
    title: "ends datagrams() with the session, has one reader of them (KING_STREAM_BUSY)",
    needs: "datagrams",
    async run(harness) {
      const { session } = harness;
      const reading = (async () => {
        for await (const _ of session.datagrams());
      })();
      const second = session.datagrams()[Symbol.asyncIterator]();
      await assert.rejects(
        within(harness, second.next(), "a refusal"),
        refuses("KING_STREAM_BUSY"),
      );
      await within(harness, session.close(), "close()");
      await within(harness, reading, "the end of datagrams()");
      assert.throws(() => session.sendDatagram(bytes("late")), refuses("KING_SESSION_CLOSED"));
    },
    mutation: {
      title: "has readers share them",
      faults: () => ({
        async *datagrams() {
          yield bytes("mine");
        },
      }),
    },
  },
  {
    title: "refuses datagrams (KING_STREAM_UNSUPPORTED)",
    lacks: "datagrams",
    async run({ session }) {
      assert.equal(session.maxDatagramBytes, 0);
      assert.throws(() => session.sendDatagram(bytes("x")), refuses("KING_STREAM_UNSUPPORTED"));
    },
    mutation: {
      title: "drops them without a word",
      faults: () => ({ sendDatagram: () => false }),
    },
  },
  {
    title: "loses one stream when the peer breaks it off, and no other",
    async run(harness) {
      const next = incoming(harness);
      const broken = await harness.peer.open(bytes("broken"));
      const other = await harness.peer.open(bytes("whole"));
      const [first, second] = [await next(), await next()];
      await broken.reset(5);
      assert.equal((await within(harness, first.closed, "the broken one's end")).clean, false);
      await other.end();
      assert.equal(await within(harness, collect(second), "the other one"), "whole");
      await openKnown(harness);
      assert.equal(harness.session.state, "open");
    },
    mutation: {
      title: "ends with the stream",
      faults: (session) => ({
        streams: eachStream(session, (stream) => {
          stream.closed.then(({ clean }) => clean || session.abort());
          return stream;
        }),
      }),
    },
  },
  {
    title: "abort() ends the streams of both sides with the reason given, and counts them",
    async run(harness) {
      const { session } = harness;
      const next = incoming(harness);
      const [ours] = await openKnown(harness);
      await harness.peer.open(bytes("theirs"));
      const theirs = await next();
      const reason = new Error("enough");
      const reading = [ours, theirs].map((stream) => apart(collect(stream)));
      session.abort(reason);
      for (const each of reading) {
        await assert.rejects(within(harness, each, "a failure"), (error) => error === reason);
      }
      const closed = await within(harness, session.closed, "closed");
      assert.deepEqual([closed.by, closed.clean, closed.streamsAborted], ["local", false, 2]);
      assert.equal(session.stats().streamsActive, 0);
    },
    mutation: {
      title: "abort() forgets its reason",
      faults: (session) => ({ abort: () => session.abort(new Error("other")) }),
    },
  },
  {
    title: "close() waits for streams of both sides, and they can finish",
    async run(harness) {
      const { session } = harness;
      const next = incoming(harness);
      const [ours, oursPeer] = await openKnown(harness);
      const theirsPeer = await harness.peer.open(bytes("theirs"));
      const theirs = await next();
      let over = false;
      const closing = session.close().then(() => {
        over = true;
      });
      await finish(harness, ours, oursPeer);
      assert.equal(over, false);
      await finish(harness, theirs, theirsPeer);
      await within(harness, closing, "close()");
      const closed = await session.closed;
      assert.deepEqual([closed.by, closed.clean, closed.streamsAborted], ["local", true, 0]);
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
    title: "close() does not wait for streams that live as long as the session, and ends them",
    async run(harness) {
      const { session } = harness;
      const next = incoming(harness);
      const ours = await within(harness, session.openStream({ background: true }), "openStream()");
      await ours.write(bytes("!"));
      await within(harness, harness.peer.accept(), "the stream at the peer");
      await harness.peer.open(bytes("theirs"));
      const theirs = await next();
      session.background(theirs);
      await within(harness, session.close(), "close()");
      const closed = await session.closed;
      assert.deepEqual([closed.by, closed.clean, closed.streamsAborted], ["local", true, 0]);
      await within(harness, Promise.all([ours.closed, theirs.closed]), "the ends of both");
    },
    mutation: {
      title: "close() waits for them",
      faults: (session) => ({
        background: () => undefined,
        openStream: () => session.openStream(),
      }),
    },
  },
  {
    title: "close() does not overtake what its streams have sent",
    async run(harness) {
      const { session } = harness;
      const stream = await session.openStream();
      const size = 200_000;
      stream.write(new Uint8Array(size).fill(120))?.catch(() => undefined);
      // Nothing is waited for: all of it is still on its way.
      apart(stream.end());
      stream.stopReading();
      const closing = session.close();
      const peer = await within(harness, harness.peer.accept(), "the stream at the peer");
      const text = await within(harness, collectPeer(peer), "all that was sent");
      assert.equal(text.length, size);
      apart(peer.end());
      await within(harness, closing, "close()");
      assert.equal((await session.closed).clean, true);
    },
    mutation: {
      title: "close() cuts what is on its way",
      faults: (session) => ({
        async close() {
          session.abort();
          await session.closed;
        },
      }),
    },
  },
  {
    title: "refuses new streams of the peer while it drains",
    async run(harness) {
      const { session } = harness;
      const next = incoming(harness);
      const [ours, peer] = await openKnown(harness);
      const closing = session.close();
      const late = harness.peer.open(bytes("late")).then((each) => each.read());
      assert.equal(await within(harness, outcome(late), "a refusal"), "refused");
      await finish(harness, ours, peer);
      await within(harness, closing, "close()");
      assert.equal(await within(harness, outcome(next()), "the end of streams()"), "refused");
    },
    mutation: {
      title: "answers late streams",
      faults: (session) => ({
        close: () => new Promise(() => undefined),
        streams: eachStream(session, (stream) => {
          stream.end().catch(() => undefined);
          return stream;
        }),
      }),
    },
  },
  {
    title: "resets streams that nobody took when it closes, instead of waiting for them",
    async run(harness) {
      const { session, peer } = harness;
      const unseen = await peer.open(bytes("nobody takes this"));
      const reading = apart(unseen.read());
      // Once one of ours has made the way there and back, theirs is here.
      const [ours, oursPeer] = await openKnown(harness);
      await finish(harness, ours, oursPeer);
      await within(harness, session.close({ deadlineMs: 60_000 }), "close()");
      assert.equal(await within(harness, outcome(reading), "a refusal"), "refused");
    },
    mutation: {
      title: "close() waits for streams that nobody took",
      faults: (session) => ({
        async close() {
          if (session.stats().streamsActive > 0) await new Promise(() => undefined);
          await session.close();
        },
      }),
    },
  },
  {
    title: "tells the peer the code and reason of close()",
    needs: "reset-code",
    async run(harness) {
      const { session, peer } = harness;
      await within(harness, session.close({ code: 42, reason: "enough for today" }), "close()");
      const ours = await session.closed;
      assert.deepEqual([ours.by, ours.code, ours.reason], ["local", 42, "enough for today"]);
      const theirs = await within(harness, peer.closed, "the end at the peer");
      assert.deepEqual([theirs.code, theirs.reason], [42, "enough for today"]);
    },
    mutation: {
      title: "close() drops its code",
      faults: (session) => ({ close: () => session.close() }),
    },
  },
];
