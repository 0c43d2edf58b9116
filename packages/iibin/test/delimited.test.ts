import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCodec } from "../src/codec.ts";
import { delimitedDecoder, delimitedEncoder } from "../src/delimited.ts";
import { defineSchema } from "../src/schema.ts";
import { builtCodecOf } from "./built-module.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);

const Line = defineSchema("Line", { text: { tag: 1, type: "string" } });

async function collect<T>(stream: ReadableStream<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
}

const decoded = (chunks: Uint8Array[], options = {}) =>
  collect(ReadableStream.from(chunks).pipeThrough(delimitedDecoder(Line, options)));

const encoded = async (lines: { text: string }[]) =>
  Buffer.concat(await collect(ReadableStream.from(lines).pipeThrough(delimitedEncoder(Line))));

test("each message has its length before it, as a varint", async () => {
  const bytes = await encoded([{ text: "a" }, { text: "" }, { text: "x".repeat(200) }]);
  expect(bytes.subarray(0, 5).toString("hex")).toBe("030a016100");
  expect(bytes.subarray(5, 10).toString("hex")).toBe("cb010ac801");
});

test("messages come back however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ text: fc.string({ maxLength: 300 }) }), { maxLength: 20 }),
      fc.array(fc.nat({ max: 400 }), { maxLength: 30 }),
      async (lines, cuts) => {
        const wellFormed = lines.map(({ text }) => ({ text: text.toWellFormed() }));
        const bytes = await encoded(wellFormed);
        const chunks: Uint8Array[] = [];
        let from = 0;
        for (const size of cuts) {
          chunks.push(new Uint8Array(bytes.subarray(from, from + size)));
          from += size;
        }
        chunks.push(new Uint8Array(bytes.subarray(from)));
        expect(await decoded(chunks)).toEqual(wellFormed);
      },
    ),
    { numRuns },
  );
});

test("a chunk may be used again by whoever sent it", async () => {
  const WithBytes = defineSchema("WithBytes", { data: { tag: 1, type: "bytes" } });
  const chunk = new Uint8Array([4, 0x0a, 2, 1, 2]);
  const { readable, writable } = delimitedDecoder(WithBytes, { bytes: "view" });
  const writer = writable.getWriter();
  const writing = writer.write(chunk).then(() => chunk.fill(9));
  const first = await readable.getReader().read();
  await writing;
  expect(first.value?.data).toEqual(new Uint8Array([1, 2]));
});

test("a chunk that is a Buffer may be used again as well", async () => {
  const WithBytes = defineSchema("WithBytes", { data: { tag: 1, type: "bytes" } });
  const chunk = Buffer.from([4, 0x0a, 2, 1, 2]);
  const { readable, writable } = delimitedDecoder(WithBytes, { bytes: "view" });
  const writing = writable.getWriter().write(chunk);
  const first = await readable.getReader().read();
  await writing;
  chunk.fill(9);
  expect(Array.from(first.value?.data ?? [])).toEqual([1, 2]);
});

describe("of a chunk of many messages", () => {
  /** A decoder over a codec that counts what it decoded. */
  function counting() {
    const codec = createCodec(Line);
    const count = { decoded: 0 };
    const decode = (bytes: Uint8Array) => {
      count.decoded++;
      return codec.decode(bytes);
    };
    return { count, ...delimitedDecoder({ ...codec, decode }) };
  }

  test("no more are decoded than are read", async () => {
    const { count, readable, writable } = counting();
    const writing = writable.getWriter().write(new Uint8Array(1_000_000));
    const reader = readable.getReader();
    for (let read = 1; read <= 3; read++) {
      expect(await reader.read()).toEqual({ done: false, value: { text: "" } });
      expect(count.decoded).toBe(read);
    }
    await reader.cancel();
    await writing.catch(() => undefined);
  });

  test("all come, in order, and then the write ends", async () => {
    const { readable, writable } = counting();
    const writer = writable.getWriter();
    const bytes = await encoded(Array.from({ length: 3_000 }, (_, i) => ({ text: String(i) })));
    const writing = writer.write(bytes).then(() => writer.close());
    const lines = await collect(readable);
    await writing;
    expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 3_000 }, (_, i) => `${i}`));
  });

  test("reads that were not awaited are all answered", async () => {
    const { readable, writable } = counting();
    const reader = readable.getReader();
    const reads = Array.from({ length: 5 }, () => reader.read());
    const writer = writable.getWriter();
    await writer.write(new Uint8Array(2));
    await writer.write(new Uint8Array(2));
    await writer.close();
    expect((await Promise.all(reads)).map(({ done }) => done)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  test("those before a malformed one come, however slowly they are read", async () => {
    const { readable, writable } = counting();
    const writing = writable.getWriter().write(Uint8Array.from([0, 0, 1, 0x08]));
    const failed = expect(writing).rejects.toMatchObject({ code: "KING_IIBIN_WIRE_INVALID" });
    const reader = readable.getReader();
    await reader.read();
    await new Promise(setImmediate);
    expect(await reader.read()).toEqual({ done: false, value: { text: "" } });
    await expect(reader.read()).rejects.toMatchObject({ code: "KING_IIBIN_WIRE_INVALID" });
    await failed;
  });

  test("cancelling ends the write, and says why", async () => {
    const { count, readable, writable } = counting();
    const writer = writable.getWriter();
    const writing = writer.write(new Uint8Array(1_000));
    const reader = readable.getReader();
    await reader.read();
    const ended = Promise.all([
      expect(writing).rejects.toThrow("enough"),
      expect(writer.closed).rejects.toThrow("enough"),
    ]);
    await reader.cancel(new Error("enough"));
    await ended;
    expect(count.decoded).toBe(1);
  });

  test("aborting ends the write and the reading, and says why", async () => {
    const { count, readable, writable } = counting();
    const writer = writable.getWriter();
    const writing = expect(writer.write(new Uint8Array(1_000))).rejects.toThrow("enough");
    const reader = readable.getReader();
    await reader.read();
    await writer.abort(new Error("enough"));
    await writing;
    await expect(reader.read()).rejects.toThrow("enough");
    expect(count.decoded).toBe(1);
  });

  test("a signal of the pipe ends both sides", async () => {
    const { readable, writable } = counting();
    const controller = new AbortController();
    const source = new ReadableStream({ start: (sent) => sent.enqueue(Uint8Array.of(0, 9)) });
    const piped = source.pipeTo(writable, { signal: controller.signal });
    const failed = expect(piped).rejects.toThrow("enough");
    const reader = readable.getReader();
    await reader.read();
    const rest = expect(reader.read()).rejects.toThrow("enough");
    controller.abort(new Error("enough"));
    await Promise.all([failed, rest]);
  });
});

test("a message that comes byte by byte takes time by its length", async () => {
  const text = "x".repeat(100_000);
  const bytes = await encoded([{ text }]);
  const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte));
  expect(await decoded(chunks)).toEqual([{ text }]);
});

test("the encoder takes a codec", async () => {
  const codec = createCodec(Line, { copy: true });
  const [chunk] = await collect(
    ReadableStream.from([{ text: "a" }]).pipeThrough(delimitedEncoder(codec)),
  );
  expect(chunk).toEqual(new Uint8Array([3, 0x0a, 1, 0x61]));
});

test("the decoder takes a codec, and keeps to its limits", async () => {
  const codec = createCodec(Line, { limits: { maxBytes: 3 } });
  const through = (bytes: number[]) =>
    collect(ReadableStream.from([Uint8Array.from(bytes)]).pipeThrough(delimitedDecoder(codec)));
  expect(await through([3, 0x0a, 1, 0x61])).toEqual([{ text: "a" }]);
  await expect(through([4])).rejects.toMatchObject({
    code: "KING_IIBIN_LIMIT",
    details: { schema: "Line", limit: "maxBytes", max: 3 },
  });
});

test.each([undefined, null, 7, {}])("what is neither schema nor codec is refused: %j", (by) => {
  for (const stream of [delimitedEncoder, delimitedDecoder] as ((by: never) => unknown)[])
    expect(() => stream(by as never)).toThrow(
      expect.objectContaining({ code: "KING_IIBIN_OPTION_INVALID" }),
    );
});

test("codecs of a built module read and write streams", async () => {
  const built = builtCodecOf(Line);
  const bytes = Uint8Array.from([3, 0x0a, 1, 0x61, 0]);
  const lines = await collect(ReadableStream.from([bytes]).pipeThrough(delimitedDecoder(built)));
  expect(lines).toEqual([{ text: "a" }, { text: "" }]);
  const chunks = await collect(
    ReadableStream.from(lines as object[]).pipeThrough(delimitedEncoder(built)),
  );
  expect(Buffer.concat(chunks)).toEqual(Buffer.from(bytes));
});

describe("the stream fails when", () => {
  const failure = (code: string, details: object) =>
    expect.objectContaining({ code, details: expect.objectContaining(details) });

  test("a length is larger than maxBytes, before a byte of it came", async () => {
    const promised = [Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x07])];
    await expect(decoded(promised)).rejects.toEqual(
      failure("KING_IIBIN_LIMIT", { limit: "maxBytes", max: 67_108_864 }),
    );
    await expect(decoded([new Uint8Array([11])], { limits: { maxBytes: 10 } })).rejects.toEqual(
      failure("KING_IIBIN_LIMIT", { limit: "maxBytes", max: 10 }),
    );
  });

  test("a length has more than five bytes", async () => {
    const bytes = Uint8Array.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x00]);
    await expect(decoded([bytes])).rejects.toEqual(failure("KING_IIBIN_WIRE_INVALID", {}));
  });

  test.each([
    ["in a length", [0x80]],
    ["in a message", [5, 0x0a]],
  ])("it ends %s", async (_, bytes) => {
    await expect(decoded([Uint8Array.from(bytes)])).rejects.toEqual(
      failure("KING_IIBIN_WIRE_INVALID", { schema: "Line" }),
    );
  });

  test("a message is malformed, after those before it", async () => {
    const stream = ReadableStream.from([Uint8Array.from([3, 0x0a, 1, 0x61, 1, 0x08])]);
    const reader = stream.pipeThrough(delimitedDecoder(Line)).getReader();
    expect((await reader.read()).value).toEqual({ text: "a" });
    await expect(reader.read()).rejects.toEqual(
      failure("KING_IIBIN_WIRE_INVALID", { path: "text" }),
    );
  });

  test("a chunk is no bytes", async () => {
    await expect(decoded(["a" as never])).rejects.toEqual(
      failure("KING_IIBIN_OPTION_INVALID", { option: "chunk" }),
    );
  });
});

test("a large message that was announced is not allocated before it comes", async () => {
  const announced = Uint8Array.from([0x80, 0x80, 0x80, 0x20, 0x0a]);
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  const chunks = async function* () {
    yield announced;
    peak = process.memoryUsage().arrayBuffers;
  };
  await expect(
    collect(ReadableStream.from(chunks()).pipeThrough(delimitedDecoder(Line))),
  ).rejects.toMatchObject({ code: "KING_IIBIN_WIRE_INVALID" });
  expect(peak - before).toBeLessThan(1_000_000);
});
