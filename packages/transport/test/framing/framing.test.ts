import { KingError } from "@king-runtime/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FrameOptions, readFrames, writeFrame } from "../../src/framing/frames.ts";
import { type ReadLinesOptions, readLines, writeLine } from "../../src/framing/lines.ts";

const runs = Number(process.env["KING_FUZZ_RUNS"] ?? 200);
const bytes = (text: string) => Buffer.from(text, "latin1");

async function* from(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  yield* chunks;
  return undefined;
}

interface Outcome<Item> {
  readonly items: Item[];
  readonly code?: string;
}

/** What a reader gives until its end or error. */
async function outcome<Item>(reader: AsyncIterable<Item>): Promise<Outcome<Item>> {
  const items: Item[] = [];
  try {
    for await (const item of reader) items.push(item);
    return { items };
  } catch (error) {
    if (!KingError.is(error)) throw error;
    return { items, code: error.code };
  }
}

const linesOf = (chunks: Iterable<Uint8Array>, options?: ReadLinesOptions) =>
  outcome(readLines(from(chunks), options));

async function framesOf(chunks: Iterable<Uint8Array>, options?: FrameOptions) {
  const { items, ...end } = await outcome(readFrames(from(chunks), options));
  return { items: items.map((each) => Buffer.from(each).toString("latin1")), ...end };
}

/** Writes to a list, in place of a stream. */
function target() {
  const written: Uint8Array[] = [];
  return {
    written,
    write(chunk: Uint8Array) {
      written.push(chunk);
      return undefined;
    },
  };
}

/** `whole`, cut at `cuts`. */
function split(whole: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
  return [...at, whole.length].map((end, i) => whole.subarray(at[i - 1] ?? 0, end));
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe("lines", () => {
  test.each<[string, string, string[]]>([
    ["end in LF or CRLF", "one\ntwo\r\nthree\n", ["one", "two", "three"]],
    ["may lack the last end", "one\ntwo", ["one", "two"]],
    ["may be empty", "\n\r\n\n", ["", "", ""]],
    ["are none where nothing comes", "", []],
    ["keep a CR that ends no line", "a\rb\r\r\nc\r", ["a\rb\r", "c\r"]],
  ])("%s", async (_, text, items) => {
    expect(await linesOf([bytes(text)])).toEqual({ items });
    expect(
      await linesOf(
        split(
          bytes(text),
          [...text].map((_, i) => i),
        ),
      ),
    ).toEqual({ items });
  });

  test("are text in UTF-8, also where a character comes in two chunks, and keep a byte order mark", async () => {
    const text = Buffer.from("\ufeffgrün\n€");
    for (let cut = 0; cut <= text.length; cut++) {
      expect((await linesOf(split(text, [cut]))).items).toEqual(["\ufeffgrün", "€"]);
    }
    expect((await linesOf([bytes("gr\xfcn")], { encoding: "latin1" })).items).toEqual(["grün"]);
  });

  test("that are not UTF-8 are mended, or refused with `fatal` after those before them", async () => {
    const broken = [bytes("good\n\xff\xfe\nnever\n")];
    expect((await linesOf(broken)).items).toEqual(["good", "\ufffd\ufffd", "never"]);
    const refused = { items: ["good"], code: "KING_NET_FRAME_ENCODING" };
    expect(await linesOf(broken, { fatal: true })).toEqual(refused);
    expect((await linesOf([Buffer.from("\ufeffgrün")], { fatal: true })).items).toEqual([
      "\ufeffgrün",
    ]);
  });

  test.each([
    ["1234\n", undefined],
    ["1234\r\n", undefined],
    ["1234", undefined],
    ["12345\n", "KING_NET_FRAME_LIMIT"],
    ["12345\r\n", "KING_NET_FRAME_LIMIT"],
    ["12345", "KING_NET_FRAME_LIMIT"],
    ["1234\r", "KING_NET_FRAME_LIMIT"],
    ["1234\r\r\n", "KING_NET_FRAME_LIMIT"],
  ])("of four bytes at most: %j gives %s, however it is cut", async (text, code) => {
    for (let i = 0; i <= text.length; i++) {
      for (let j = 0; j <= text.length; j++) {
        const got = await linesOf(split(bytes(text), [i, j]), { maxLineBytes: 4 });
        expect(got.code).toBe(code);
        if (code === undefined) expect(got.items).toEqual(["1234"]);
      }
    }
  });

  test("that never end are refused with the first byte too many, not at the end", async () => {
    let taken = 0;
    async function* endless() {
      for (;;) {
        taken++;
        yield bytes("x");
      }
    }
    const { code } = await outcome(readLines(endless(), { maxLineBytes: 100 }));
    expect([code, taken]).toEqual(["KING_NET_FRAME_LIMIT", 101]);
  });

  test("are the same however the bytes are cut, and what a splitter over the whole says", async () => {
    const text = fc.array(fc.constantFrom("a", "\n", "\r", "\r\n", "bc"), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, cuts, fc.integer({ min: 1, max: 6 }), async (parts, at, max) => {
        const whole = parts.join("");
        const all = whole.split("\n");
        const last = all.pop() as string;
        const ended = [...all.map((line) => line.replace(/\r$/, "")), ...(last ? [last] : [])];
        const bad = ended.findIndex((line) => line.length > max);
        const expected =
          bad < 0 ? { items: ended } : { items: ended.slice(0, bad), code: "KING_NET_FRAME_LIMIT" };
        expect(await linesOf(split(bytes(whole), at), { maxLineBytes: max })).toEqual(expected);
      }),
      { numRuns: runs },
    );
  });

  test("that are written are read", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme" }).filter((line) => !/[\r\n]/.test(line))),
        fc.constantFrom("\n" as const, "\r\n" as const),
        cuts,
        async (lines, end, at) => {
          const to = target();
          for (const line of lines) await writeLine(to, line, { end });
          expect(to.written.length).toBe(lines.length);
          const read = await linesOf(split(Buffer.concat(to.written), at), { fatal: true });
          expect(read).toEqual({ items: lines });
        },
      ),
      { numRuns: runs },
    );
  });

  test("that would be read as two, or are too long, are not written", async () => {
    const to = target();
    for (const line of ["a\nb", "a\rb", "a\r", "\n"]) {
      await expect(writeLine(to, line)).rejects.toMatchObject({ code: "KING_OPTION_INVALID" });
    }
    // Written as Latin-1, U+010A would be a line break and the euro sign something else.
    for (const line of ["a\u010ab", "a\u010d", "€"]) {
      const refused = writeLine(to, line, { encoding: "latin1" });
      await expect(refused).rejects.toMatchObject({ code: "KING_OPTION_INVALID" });
    }
    expect(to.written).toEqual([]);
    const tooLong = writeLine(to, "grün", { maxLineBytes: 4 });
    await expect(tooLong).rejects.toMatchObject({ code: "KING_NET_FRAME_LIMIT" });
    await writeLine(to, "grün", { maxLineBytes: 5 });
    expect(Buffer.concat(to.written).toString()).toBe("grün\n");
  });
});

describe("frames", () => {
  const three = [bytes("\0\0\0\x02ab\0\0\0\0\0\0\0\x01c")];

  test("begin with their length, in network order unless told otherwise", async () => {
    expect((await framesOf(three)).items).toEqual(["ab", "", "c"]);
    const little: FrameOptions = { lengthBytes: 2, endian: "little" };
    expect((await framesOf([bytes("\x02\0ab\0\0")], little)).items).toEqual(["ab", ""]);
    expect((await framesOf([bytes("\x03abc")], { lengthBytes: 1 })).items).toEqual(["abc"]);
  });

  test("that came within one chunk are views of it", async () => {
    const chunk = three[0] as Buffer;
    for await (const frame of readFrames(from(three))) {
      expect(frame.buffer).toBe(chunk.buffer);
    }
  });

  test("are refused by their length, before a byte of them has come", async () => {
    const head = [bytes("\0\0\0\x01a\0\x10\0\x01")];
    expect(await framesOf(head)).toEqual({ items: ["a"], code: "KING_NET_FRAME_LIMIT" });
    const reading = readFrames(from([bytes("\x05")]), { lengthBytes: 1, maxFrameBytes: 4 });
    await expect(reading.next()).rejects.toMatchObject({ details: { limitBytes: 4, bytes: 5 } });
  });

  test.each(["\0", "\0\0\0", "\0\0\0\x01", "\0\0\0\x03ab", "\0\0\0\x01a\0"])(
    "that break off are no end: %j",
    async (text) => {
      expect((await framesOf([bytes(text)])).code).toBe("KING_NET_FRAME_TRUNCATED");
    },
  );

  test("of which only the length has come take no memory", async () => {
    const held: AsyncGenerator<Uint8Array>[] = [];
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 200; i++) {
      const never = new Promise<never>(() => undefined);
      const source = (async function* () {
        yield bytes("\x3f\xff\xff\xffx");
        await never;
      })();
      const reader = readFrames(source, { maxFrameBytes: 2 ** 30 });
      void reader.next();
      held.push(reader);
    }
    await new Promise(setImmediate);
    expect(held.length).toBe(200);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 2 ** 20);
  });

  test("that are written are read, whatever their size and however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
        fc.constantFrom(1, 2, 4),
        fc.constantFrom("big", "little"),
        cuts,
        async (payloads, lengthBytes, endian, at) => {
          const options = { lengthBytes, endian } as FrameOptions;
          const to = target();
          for (const payload of payloads) await writeFrame(to, payload, options);
          expect(to.written.length).toBe(payloads.length);
          const read = await framesOf(split(Buffer.concat(to.written), at), options);
          expect(read).toEqual({
            items: payloads.map((each) => Buffer.from(each).toString("latin1")),
          });
        },
      ),
      { numRuns: runs },
    );
  });

  test("of anything come to an end, the same however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), cuts, async (noise, at) => {
        const options: FrameOptions = { lengthBytes: 1, maxFrameBytes: 20 };
        expect(await framesOf(split(noise, at), options)).toEqual(await framesOf([noise], options));
      }),
      { numRuns: runs },
    );
  });

  test("that are too large for their limit or for their length are not written", async () => {
    const to = target();
    for (const options of [{ maxFrameBytes: 255 }, { lengthBytes: 1 }] as FrameOptions[]) {
      await expect(writeFrame(to, Buffer.alloc(256), options)).rejects.toMatchObject({
        code: "KING_NET_FRAME_LIMIT",
        details: { limitBytes: 255, bytes: 256 },
      });
      await writeFrame(to, Buffer.alloc(255), options);
    }
    expect(to.written.map((each) => each.length)).toEqual([259, 256]);
  });

  test("are written when there is room", async () => {
    const room = Promise.withResolvers<void>();
    let done = false;
    const writing = writeFrame({ write: () => room.promise }, bytes("a")).then(() => {
      done = true;
    });
    await new Promise(setImmediate);
    expect(done).toBe(false);
    room.resolve();
    await writing;
  });
});

describe("reading", () => {
  /** Time for `count` bytes that come one by one, in milliseconds. */
  const timed = async (read: (source: AsyncIterable<Uint8Array>) => AsyncIterable<unknown>) => {
    const measure = async (count: number) => {
      const whole = Buffer.concat([
        bytes(`\0${String.fromCharCode(count >> 16)}\0\0`),
        Buffer.alloc(count, "x"),
        bytes("\n"),
      ]);
      const begin = process.cpuUsage();
      let items = 0;
      for await (const _ of read(from(Array.from(whole, (byte) => Buffer.of(byte))))) items++;
      const { user } = process.cpuUsage(begin);
      expect(items).toBeGreaterThan(0);
      return user / 1_000;
    };
    await measure(65_536);
    return { once: await measure(65_536), eight: await measure(8 * 65_536) };
  };

  test.each([
    ["a line", (source: AsyncIterable<Uint8Array>) => readLines(source, { maxLineBytes: 2 ** 20 })],
    [
      "a frame",
      async function* (source: AsyncIterable<Uint8Array>) {
        for await (const frame of readFrames(source)) {
          yield frame;
          return;
        }
      },
    ],
  ])("%s byte by byte takes time in proportion to its length", async (_, read) => {
    const { once, eight } = await timed(read);
    // Quadratic work would take 64 times as long.
    expect(eight / Math.max(once, 5)).toBeLessThan(32);
  });

  test.each([
    ["lines", (source: AsyncIterable<Uint8Array>) => readLines(source, { maxLineBytes: 4 }), "a\n"],
    [
      "frames",
      (source: AsyncIterable<Uint8Array>) =>
        readFrames(source, { lengthBytes: 1, maxFrameBytes: 4 }),
      "\x01a",
    ],
  ])("%s releases the source when the loop is left, and when it fails", async (_, read, one) => {
    for (const then of ["leave", "\x05123456"]) {
      let released = 0;
      const source = (async function* () {
        try {
          yield bytes(one);
          yield bytes(then);
          yield bytes(one);
        } finally {
          released++;
        }
      })();
      const failure = await (async () => {
        for await (const _ of read(source)) if (then === "leave") break;
        return undefined;
      })().catch((error: KingError) => error.code);
      expect(failure).toBe(then === "leave" ? undefined : "KING_NET_FRAME_LIMIT");
      expect(released).toBe(1);
    }
  });

  test("hands on what the source throws", async () => {
    const broken = new Error("broken");
    const source = () =>
      (async function* (): AsyncGenerator<Uint8Array> {
        yield bytes("a");
        throw broken;
      })();
    await expect(readLines(source()).next()).rejects.toBe(broken);
    await expect(readFrames(source()).next()).rejects.toBe(broken);
  });

  test.each<[string, () => unknown]>([
    ["maxLineBytes", () => readLines(from([]), { maxLineBytes: 0 })],
    ["maxLineBytes", () => readLines(from([]), { maxLineBytes: Number.POSITIVE_INFINITY })],
    ["encoding", () => readLines(from([]), { encoding: "utf-16" as "utf-8" })],
    ["fatal", () => readLines(from([]), { fatal: 1 as unknown as boolean })],
    ["maxLine", () => readLines(from([]), { maxLine: 1 } as ReadLinesOptions)],
    ["options", () => readLines(from([]), null as unknown as ReadLinesOptions)],
    ["lengthBytes", () => readFrames(from([]), { lengthBytes: 3 as 4 })],
    ["endian", () => readFrames(from([]), { endian: "middle" as "big" })],
    ["maxFrameBytes", () => readFrames(from([]), { maxFrameBytes: 1.5 })],
    ["size", () => readFrames(from([]), { size: 1 } as FrameOptions)],
    ["payload", () => writeFrame(target(), "text" as unknown as Uint8Array)],
    ["end", () => writeLine(target(), "a", { end: "\r" as "\n" })],
    ["line", () => writeLine(target(), 7 as unknown as string)],
    ["source", () => readLines(null as never)],
    ["source", () => readFrames({} as never)],
    ["source", () => readLines(from(["text" as never])).next()],
    ["source", () => readFrames(from([new Uint16Array(4) as never])).next()],
    ["stream", () => writeLine(undefined as never, "a")],
    ["stream", () => writeFrame({} as never, bytes("a"))],
  ])("refuses a wrong %s by name", async (option, call) => {
    const refused = (async () => call())();
    await expect(refused).rejects.toMatchObject({
      code: "KING_OPTION_INVALID",
      details: { option },
    });
  });
});
