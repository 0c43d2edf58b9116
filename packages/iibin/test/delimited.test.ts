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
