import { strict as assert } from "node:assert";
import { KingError, type Stream, type StreamCapability } from "@king-runtime/core";
import { withDeadline } from "./deadline.ts";
import { stalled } from "./stalled.ts";

/** The other end of the stream under test, driven without the code under test. */
export interface StreamPeer {
  /** Resolves when there is room for more. */
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<void>;
  /** Breaks the stream off; `code` where the protocol carries one. */
  reset(code?: number): Promise<void>;
  /** What comes next; `undefined` at the end. Rejects when the stream is broken off. */
  read(): Promise<Uint8Array | undefined>;
}

/** A stream under test and its peer. */
export interface StreamHarness extends AsyncDisposable {
  readonly stream: Stream;
  readonly peer: StreamPeer;
  /** Bytes that went before the clause, where a protocol tells of a stream with its first byte only. */
  readonly already?: { readonly bytesRead: number; readonly bytesWritten: number };
  /** How long a clause waits for what must come, in milliseconds. @default 10_000 */
  readonly deadlineMs?: number;
}

/** One sentence of the contract of `Stream`, and the fault that shows that it is looked at. */
export interface StreamClause {
  readonly title: string;
  /** Holds for streams that have this capability. */
  readonly needs?: StreamCapability;
  /** Holds for streams that lack this capability: the lack is bounded, never a pretence. */
  readonly lacks?: StreamCapability;
  run(harness: StreamHarness): Promise<void>;
  /** A stream that breaks the clause: under it, `run` must fail. */
  readonly mutation: {
    readonly title: string;
    faults(stream: Stream): Partial<Record<keyof Stream, unknown>>;
  };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** Waits for `promise` no longer than the harness allows. */
const within = <T>(harness: StreamHarness, promise: Promise<T>, what: string): Promise<T> =>
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

const collectApart = (source: AsyncIterable<Uint8Array>) => apart(collect(source));

async function collectPeer(peer: StreamPeer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = await peer.read();
    if (chunk === undefined) return Buffer.concat(chunks).toString();
    chunks.push(chunk);
  }
}

/** Reads at least `length` bytes of what the peer is sent. */
async function takePeer(peer: StreamPeer, length: number): Promise<string> {
  let text = "";
  while (text.length < length) {
    const chunk = await peer.read();
    if (chunk === undefined) break;
    text += Buffer.from(chunk).toString();
  }
  return text;
}

function refuses(code: string) {
  return (error: unknown) => {
    assert.ok(KingError.is(error), `expected a KingError, got ${String(error)}`);
    assert.equal(error.code, code);
    return true;
  };
}

const attempt = async (work: () => unknown): Promise<void> => void (await work());

async function* nothing(): AsyncGenerator<Uint8Array, undefined> {}

/** The contract of `Stream`, clause by clause. */
export const streamClauses: readonly StreamClause[] = [
  {
    title: "delivers what the peer sends, in order, and ends with the peer's end",
    async run(harness) {
      const { stream, peer } = harness;
      const received = collectApart(stream);
      for (const part of ["one,", "two,", "three"]) await peer.write(bytes(part));
      await peer.end();
      assert.equal(await within(harness, received, "all parts"), "one,two,three");
    },
    mutation: {
      title: "reads nothing",
      faults: () => ({ [Symbol.asyncIterator]: nothing }),
    },
  },
  {
    title: "hands the peer what is written, in order, and its end",
    async run(harness) {
      const { stream, peer } = harness;
      for (const part of ["one,", "two,"]) await stream.write(bytes(part));
      const ended = apart(stream.end(bytes("three")));
      assert.equal(await within(harness, collectPeer(peer), "all parts"), "one,two,three");
      await within(harness, ended, "end()");
    },
    mutation: {
      title: "end() drops its chunk",
      faults: (stream) => ({ end: () => stream.end() }),
    },
  },
  {
    title: "sends bytes whose memory is given to it (transfer) whole",
    async run(harness) {
      const { stream, peer } = harness;
      const part = (i: number) => new Uint8Array(50_000).fill(i);
      const sending = apart(
        (async () => {
          for (let i = 0; i < 20; i++) await stream.write(part(i), { transfer: true });
          await stream.end();
        })(),
      );
      const expected = Buffer.concat(Array.from({ length: 20 }, (_, i) => part(i))).toString();
      const received = await within(harness, collectPeer(peer), "all bytes");
      assert.ok(received === expected, "expected the bytes that were given");
      await sending;
    },
    mutation: {
      title: "frees the memory before the bytes are sent",
      faults: (stream) => ({
        write(chunk: Uint8Array) {
          const wait = stream.write(chunk);
          (chunk.buffer as ArrayBuffer).transfer(0);
          return wait;
        },
      }),
    },
  },
  {
    title: "tells a writer to wait while the peer does not read, and lets it go on when it does",
    async run(harness) {
      const { stream, peer } = harness;
      const chunk = new Uint8Array(65_536);
      let sent = 0;
      let wait: undefined | Promise<void>;
      while (wait === undefined && sent < 256 * chunk.length) {
        wait = stream.write(chunk);
        sent += chunk.length;
      }
      assert.ok(wait, `expected a promise before ${sent} bytes`);
      let received = 0;
      const reading = (async () => {
        while (received < sent)
          received += (await peer.read())?.length ?? assert.fail("ended early");
      })();
      await within(harness, wait, "room");
      await within(harness, reading, "all bytes");
    },
    mutation: {
      title: "write never asks to wait",
      faults: (stream) => ({
        write(chunk: Uint8Array) {
          stream.write(chunk)?.catch(() => undefined);
        },
      }),
    },
  },
  {
    title: "refuses to hold unsent bytes without bound (KING_STREAM_BUFFER_FULL)",
    async run(harness) {
      const { stream } = harness;
      const chunk = new Uint8Array(1_048_576);
      await assert.rejects(
        attempt(() => {
          for (let i = 0; i < 256; i++) stream.write(chunk)?.catch(() => undefined);
        }),
        refuses("KING_STREAM_BUFFER_FULL"),
      );
    },
    mutation: {
      title: "write swallows what it cannot hold",
      faults: (stream) => ({
        write(chunk: Uint8Array) {
          try {
            return stream.write(chunk);
          } catch {
            return undefined;
          }
        },
      }),
    },
  },
  {
    title: "refuses a write after end() (KING_STREAM_ENDED), and takes a second end()",
    async run(harness) {
      const { stream, peer } = harness;
      const ended = apart(stream.end());
      await assert.rejects(
        attempt(() => stream.write(bytes("late"))),
        refuses("KING_STREAM_ENDED"),
      );
      await within(harness, collectPeer(peer), "the end");
      await within(harness, Promise.all([ended, stream.end()]), "both ends");
    },
    mutation: {
      title: "write after end() is ignored",
      faults: () => ({ write: () => undefined }),
    },
  },
  {
    title: "has one reader (KING_STREAM_BUSY)",
    async run(harness) {
      const { stream, peer } = harness;
      const received = collectApart(stream);
      assert.throws(() => stream[Symbol.asyncIterator](), refuses("KING_STREAM_BUSY"));
      await peer.end();
      await within(harness, received, "the first reader's end");
    },
    mutation: {
      title: "a second reader gets an empty stream",
      faults: (stream) => {
        let first = true;
        return {
          [Symbol.asyncIterator]() {
            if (!first) return nothing();
            first = false;
            return stream[Symbol.asyncIterator]();
          },
        };
      },
    },
  },
  {
    title: "goes on sending after the peer's end",
    needs: "half-close",
    async run(harness) {
      const { stream, peer } = harness;
      await peer.end();
      assert.equal(await within(harness, collect(stream), "the peer's end"), "");
      await stream.write(bytes("still "));
      const ended = apart(stream.end(bytes("here")));
      assert.equal(await within(harness, collectPeer(peer), "what was sent"), "still here");
      await ended;
    },
    mutation: {
      title: "ends its own direction with the peer's",
      faults: (stream) => ({
        async *[Symbol.asyncIterator]() {
          for await (const chunk of stream) yield chunk;
          await stream.end();
        },
      }),
    },
  },
  {
    title: "goes on receiving while nothing is sent, and reports clean bytes at its end",
    async run(harness) {
      const { stream, peer } = harness;
      await peer.write(bytes("12345"));
      await peer.end();
      assert.equal(await within(harness, collect(stream), "the bytes"), "12345");
      const ended = apart(stream.end(bytes("123")));
      await within(harness, collectPeer(peer), "the end");
      await ended;
      const closed = await within(harness, stream.closed, "closed");
      assert.equal(closed.clean, true);
      const { bytesRead, bytesWritten } = harness.already ?? { bytesRead: 0, bytesWritten: 0 };
      assert.deepEqual([closed.bytesRead - bytesRead, closed.bytesWritten - bytesWritten], [5, 3]);
      assert.equal(closed.error, undefined);
    },
    mutation: {
      title: "closed counts no bytes",
      faults: (stream) => ({
        closed: stream.closed.then((info) => ({ ...info, bytesRead: 0, bytesWritten: 0 })),
      }),
    },
  },
  {
    title: "fails its reader when the peer breaks off (KING_STREAM_RESET)",
    async run(harness) {
      const { stream, peer } = harness;
      const received = collectApart(stream);
      await peer.write(bytes("half"));
      await peer.reset();
      await assert.rejects(within(harness, received, "a failure"), refuses("KING_STREAM_RESET"));
    },
    mutation: {
      title: "takes a reset for an end",
      faults: (stream) => ({
        async *[Symbol.asyncIterator]() {
          try {
            for await (const chunk of stream) yield chunk;
          } catch {}
        },
      }),
    },
  },
  {
    title: "fails a reader that comes only after the peer broke off (KING_STREAM_RESET)",
    async run(harness) {
      const { stream, peer } = harness;
      await peer.reset();
      await within(harness, stream.closed, "closed");
      await assert.rejects(
        within(harness, collect(stream), "a failure"),
        refuses("KING_STREAM_RESET"),
      );
    },
    mutation: {
      title: "a late reader finds an empty stream",
      faults: () => ({ [Symbol.asyncIterator]: nothing }),
    },
  },
  {
    title: "fails a web stream that is first taken after the peer broke off",
    async run(harness) {
      const { stream, peer } = harness;
      await peer.reset();
      await within(harness, stream.closed, "closed");
      const reader = stream.readable.getReader();
      await assert.rejects(
        within(harness, reader.read(), "a failure"),
        refuses("KING_STREAM_RESET"),
      );
    },
    mutation: {
      title: "a late web stream waits for ever",
      faults: () => ({ readable: new ReadableStream() }),
    },
  },
  {
    title: "says who broke it off, and that it was not clean",
    async run(harness) {
      const { stream, peer } = harness;
      await peer.reset();
      const closed = await within(harness, stream.closed, "closed");
      assert.notEqual(closed.by, "local");
      assert.equal(closed.clean, false);
      assert.equal(stream.state, "closed");
    },
    mutation: {
      title: "closed always says clean",
      faults: (stream) => ({ closed: stream.closed.then((info) => ({ ...info, clean: true })) }),
    },
  },
  {
    title: "carries the code of a reset from the peer",
    needs: "reset-code",
    async run(harness) {
      const { stream, peer } = harness;
      await peer.reset(7);
      const closed = await within(harness, stream.closed, "closed");
      assert.equal(closed.code, 7);
    },
    mutation: {
      title: "the code is lost",
      faults: (stream) => ({
        closed: stream.closed.then(({ code: _, ...info }) => info),
      }),
    },
  },
  {
    title: "reset() breaks the peer's reading off, never ends it",
    async run(harness) {
      const { stream, peer } = harness;
      await stream.write(bytes("half"));
      await takePeer(peer, 4);
      stream.reset();
      await assert.rejects(within(harness, collectPeer(peer), "a failure"));
      const closed = await within(harness, stream.closed, "closed");
      assert.deepEqual([closed.by, closed.clean], ["local", false]);
    },
    mutation: {
      title: "reset() ends instead",
      faults: (stream) => ({ reset: () => void stream.end() }),
    },
  },
  {
    title: "refuses use after its own reset (KING_STREAM_CLOSED)",
    async run(harness) {
      const { stream } = harness;
      stream.reset();
      await within(harness, stream.closed, "closed");
      await assert.rejects(
        attempt(() => stream.write(bytes("late"))),
        refuses("KING_STREAM_CLOSED"),
      );
    },
    mutation: {
      title: "write after reset() is ignored",
      faults: () => ({ write: () => undefined }),
    },
  },
  {
    title: "reports its end to whoever asks for `closed` afterwards, each time the same",
    async run(harness) {
      const { stream } = harness;
      stream.reset();
      const first = await within(harness, stream.closed, "closed");
      const later = await within(harness, stream.closed, "closed, again");
      assert.equal(first, later);
      assert.equal(stream.state, "closed");
    },
    mutation: {
      title: "a late `closed` never settles",
      faults: () => ({ closed: new Promise(() => undefined) }),
    },
  },
  {
    title: "abort fails what is under way with the very reason given",
    async run(harness) {
      const { stream } = harness;
      const reason = new Error("enough");
      const received = collectApart(stream);
      stream.abort(reason);
      await assert.rejects(within(harness, received, "a failure"), (error) => error === reason);
      const closed = await within(harness, stream.closed, "closed");
      assert.deepEqual([closed.by, closed.clean], ["local", false]);
      stream.abort(new Error("again"));
    },
    mutation: {
      title: "abort forgets its reason",
      faults: (stream) => ({ abort: () => stream.abort(new Error("other")) }),
    },
  },
  {
    title: "fails a write that waits when the stream ends first",
    async run(harness) {
      const { stream } = harness;
      const chunk = new Uint8Array(65_536);
      let wait: undefined | Promise<void>;
      for (let i = 0; i < 256 && wait === undefined; i++) wait = stream.write(chunk);
      assert.ok(wait);
      apart(wait);
      stream.abort(new Error("enough"));
      await assert.rejects(within(harness, wait, "a failure"), { message: "enough" });
    },
    mutation: {
      title: "a write that waits resolves anyway",
      faults: (stream) => ({
        write: (chunk: Uint8Array) => stream.write(chunk)?.catch(() => undefined),
      }),
    },
  },
  {
    title: "close() sends what was written, ends, and resolves when all is over",
    async run(harness) {
      const { stream, peer } = harness;
      const received = collectApart(stream);
      await stream.write(bytes("last words"));
      const closing = stream.close({ deadlineMs: 5_000 });
      assert.notEqual(stream.state, "open");
      assert.equal(await within(harness, collectPeer(peer), "the end"), "last words");
      await peer.end();
      await received;
      await within(harness, closing, "close()");
      assert.equal((await stream.closed).clean, true);
    },
    mutation: {
      title: "close() cuts",
      faults: (stream) => ({
        async close() {
          stream.abort();
          await stream.closed;
        },
      }),
    },
  },
  {
    title: "close() is one end, however often it is called",
    async run(harness) {
      const { stream, peer } = harness;
      const received = collectApart(stream);
      const both = Promise.all([stream.close(), stream.close(), stream[Symbol.asyncDispose]()]);
      await within(harness, collectPeer(peer), "the end");
      await peer.end();
      await received;
      await within(harness, both, "every close()");
      await within(harness, stream.close(), "a late close()");
    },
    mutation: {
      title: "a second close() throws",
      faults: (stream) => {
        let called = false;
        return {
          async close() {
            if (called) throw new Error("called twice");
            called = true;
            await stream.close();
          },
        };
      },
    },
  },
  {
    title: "close() becomes abort() at its deadline, and still resolves",
    async run(harness) {
      const { stream } = harness;
      const chunk = new Uint8Array(65_536);
      // The peer does not read: once nothing moves any more, the end cannot be reached.
      let taken = 0;
      apart(
        (async () => {
          for (; taken < 512; taken++) await stream.write(chunk);
        })(),
      );
      await stalled(() => taken);
      apart(collect(stream));
      await within(harness, stream.close({ deadlineMs: 50 }), "close()");
      assert.equal((await stream.closed).clean, false);
    },
    mutation: {
      title: "close() waits past its deadline",
      faults: (stream) => ({ close: () => stream.close({ deadlineMs: 60_000 }) }),
    },
  },
  {
    title: "makes the peer's writer wait while nobody reads",
    needs: "receive-backpressure",
    async run(harness) {
      const { stream, peer } = harness;
      const total = 64 * 1_048_576;
      const chunk = new Uint8Array(1_048_576);
      let accepted = 0;
      const writing = (async () => {
        while (accepted < total) {
          await peer.write(chunk);
          accepted += chunk.length;
        }
        await peer.end();
      })();
      await stalled(() => accepted);
      assert.ok(accepted < total, `the peer could send all ${total} bytes to nobody`);
      let received = 0;
      for await (const each of stream) received += each.length;
      await writing;
      assert.equal(received, total);
    },
    mutation: {
      title: "input is read ahead without bound",
      faults: (stream) => {
        const ahead = (async () => {
          const chunks: Uint8Array[] = [];
          for await (const chunk of stream) chunks.push(chunk);
          return chunks;
        })();
        return {
          async *[Symbol.asyncIterator]() {
            yield* await ahead;
          },
        };
      },
    },
  },
  {
    title: "holds a bounded number of bytes for a reader who does not come, and then resets",
    lacks: "receive-backpressure",
    async run(harness) {
      const { stream, peer } = harness;
      const total = 64 * 1_048_576;
      const chunk = new Uint8Array(262_144);
      let sent = 0;
      const writing = (async () => {
        for (; sent < total; sent += chunk.length) await peer.write(chunk);
      })();
      const closed = await within(harness, Promise.race([stream.closed, writing]), "a reset");
      assert.ok(closed, `expected a limit before ${total} bytes`);
      assert.deepEqual([closed.by, closed.clean], ["local", false]);
      await assert.rejects(
        within(harness, collect(stream), "a failure"),
        (error) => KingError.is(error) && error.category === "limit",
      );
      await assert.rejects(within(harness, writing, "the peer's refused write"));
    },
    mutation: {
      title: "takes what it gave up for an end",
      faults: () => ({ [Symbol.asyncIterator]: nothing }),
    },
  },
  {
    title: "stopReading() makes the peer's writes fail, and sending goes on",
    needs: "stop-reading",
    async run(harness) {
      const { stream, peer } = harness;
      stream.stopReading(9);
      await assert.rejects(
        within(
          harness,
          (async () => {
            for (;;) await peer.write(new Uint8Array(65_536));
          })(),
          "a refused write",
        ),
        (error: Error) => !error.message.includes("not within"),
      );
      const ended = apart(stream.end(bytes("still here")));
      assert.equal(await within(harness, collectPeer(peer), "what was sent"), "still here");
      await ended;
    },
    mutation: {
      title: "stopReading() resets",
      faults: (stream) => ({ stopReading: () => stream.reset() }),
    },
  },
  {
    title: "stopReading() discards what still comes, and sending goes on",
    lacks: "stop-reading",
    async run(harness) {
      const { stream, peer } = harness;
      stream.stopReading();
      await within(harness, peer.write(new Uint8Array(1_024)), "a write that is discarded");
      const ended = apart(stream.end(bytes("still here")));
      assert.equal(await within(harness, collectPeer(peer), "what was sent"), "still here");
      await ended;
    },
    mutation: {
      title: "stopReading() resets",
      faults: (stream) => ({ stopReading: () => stream.reset() }),
    },
  },
  {
    title: "reset(code) breaks off although the code cannot be told",
    lacks: "reset-code",
    async run(harness) {
      const { stream, peer } = harness;
      stream.reset(7);
      await assert.rejects(within(harness, collectPeer(peer), "a failure"));
      assert.equal((await within(harness, stream.closed, "closed")).clean, false);
    },
    mutation: {
      title: "reset(code) does nothing",
      faults: () => ({ reset: () => undefined }),
    },
  },
  {
    title: "leaving the reading loop early leaves sending alone",
    async run(harness) {
      const { stream, peer } = harness;
      await peer.write(bytes("more than anyone wants"));
      for await (const _ of stream) break;
      const ended = apart(stream.end(bytes("answer")));
      assert.equal(await within(harness, collectPeer(peer), "what was sent"), "answer");
      await ended;
    },
    mutation: {
      title: "leaving the loop resets",
      faults: (stream) => ({
        async *[Symbol.asyncIterator]() {
          try {
            for await (const chunk of stream) yield chunk;
          } finally {
            stream.reset();
          }
        },
      }),
    },
  },
  {
    title: "leaving the reading before it has begun stops it, so that close() waits for nothing",
    async run(harness) {
      const { stream, peer } = harness;
      await peer.write(bytes("more than anyone wants"));
      await stream[Symbol.asyncIterator]().return?.(undefined);
      const closing = apart(stream.close());
      assert.equal(await within(harness, collectPeer(peer), "the end"), "");
      await apart(peer.end()).catch(() => undefined);
      await within(harness, closing, "close()");
    },
    mutation: {
      title: "keeps a reader that is gone",
      faults: (stream) => ({
        [Symbol.asyncIterator]() {
          const source = stream[Symbol.asyncIterator]();
          return { next: () => source.next(), return: async () => ({ done: true }) };
        },
      }),
    },
  },
  {
    title: "carries the same bytes as web streams",
    async run(harness) {
      const { stream, peer } = harness;
      const received = collectApart(stream.readable as unknown as AsyncIterable<Uint8Array>);
      await peer.write(bytes("in"));
      await peer.end();
      assert.equal(await within(harness, received, "the input"), "in");
      const writer = stream.writable.getWriter();
      const sent = apart(
        (async () => {
          await writer.write(bytes("out"));
          await writer.close();
        })(),
      );
      assert.equal(await within(harness, collectPeer(peer), "the output"), "out");
      await sent;
    },
    mutation: {
      title: "the writable never ends",
      faults: (stream) => ({
        writable: new WritableStream({ write: (chunk: Uint8Array) => stream.write(chunk) }),
      }),
    },
  },
  {
    title: "gives the same web streams each time",
    async run(harness) {
      const { stream } = harness;
      assert.equal(stream.readable, stream.readable);
      assert.equal(stream.writable, stream.writable);
      stream.abort();
    },
    mutation: {
      title: "a new readable each time",
      faults: () => ({
        get readable() {
          return new ReadableStream();
        },
      }),
    },
  },
  {
    title: "has an id of its own, and is open until something ends it",
    async run(harness) {
      const { stream } = harness;
      assert.match(stream.id, /^\S+$/);
      assert.equal(stream.id, stream.id);
      assert.equal(stream.state, "open");
      stream.abort();
      await within(harness, stream.closed, "closed");
      assert.equal(stream.state, "closed");
    },
    mutation: {
      title: "stays open for ever",
      faults: () => ({ state: "open" }),
    },
  },
];
