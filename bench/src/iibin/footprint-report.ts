// node --conditions=king-source bench/src/iibin/footprint-report.ts
// What the harness has no windows for: the first calls of a process, and memory that messages keep.
import { execFileSync } from "node:child_process";
import { median } from "../harness/statistics.ts";
import type { NamedCodec } from "./codec.ts";
import { closures, copies, ours, peers } from "./codecs.ts";
import type { ContentName } from "./messages.ts";

const codecs: readonly NamedCodec[] = [ours, copies, closures, ...Object.values(peers)];
const rounds = 11;
const held = 10_000;

/** Time from the codec's modules being loaded to the end of its hundredth call, in microseconds. */
async function firstCallsUs({ open }: NamedCodec, content: ContentName): Promise<number> {
  // The modules of the codec, but nothing that is made for these messages.
  await open("Large, 1,000 rows");
  const start = performance.now();
  const codec = await open(content);
  for (let call = 0; call < 100; call++) {
    const value = codec.values[call % codec.values.length];
    codec.decode(codec.encode(value) as never);
  }
  return (performance.now() - start) * 1_000;
}

/** Bytes that each of 10,000 messages keeps, when one of `every` messages is held. */
async function bytesOfHeld({ open }: NamedCodec, every: number): Promise<number> {
  const { encode, values } = await open("Small");
  const collect = globalThis.gc;
  if (!collect) throw new Error("start with --expose-gc");
  const used = () => {
    // Twice, for memory outside of the heap is freed after what held it.
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const kept: unknown[] = new Array(held).fill(encode(values[0]));
  const before = used();
  for (let made = 0; made < held * every; made++) {
    const message = encode(values[made % values.length]);
    if (made % every === 0) kept[made / every] = message;
  }
  const bytes = (used() - before) / held;
  if (kept.length !== held) throw new Error("unreachable");
  return bytes;
}

async function child(name: string, what: string): Promise<number> {
  const codec = codecs.find((each) => each.name === name);
  if (!codec) throw new Error(`there is no codec ${name}`);
  switch (what) {
    case "first Small":
      return firstCallsUs(codec, "Small");
    case "first Medium":
      return firstCallsUs(codec, "Medium");
    case "all held":
      return bytesOfHeld(codec, 1);
    default:
      return bytesOfHeld(codec, 100);
  }
}

function measure(name: string, what: string, times: number): number {
  const run = () =>
    Number(
      execFileSync(
        process.execPath,
        ["--expose-gc", "--conditions=king-source", import.meta.filename, name, what],
        { encoding: "utf8" },
      ),
    );
  return Math.round(median(Array.from({ length: times }, run)));
}

const [name, what] = process.argv.slice(2);
if (name !== undefined && what !== undefined) process.stdout.write(String(await child(name, what)));
else {
  process.stdout.write(
    "| | 100 Small, first calls, µs | 100 Medium, first calls, µs | bytes kept by a Small | the same, one of 100 held |\n" +
      "|---|---:|---:|---:|---:|\n",
  );
  for (const codec of codecs) {
    const cells = [
      measure(codec.name, "first Small", rounds),
      measure(codec.name, "first Medium", rounds),
      measure(codec.name, "all held", 3),
      measure(codec.name, "one of 100 held", 3),
    ];
    process.stdout.write(`| ${codec.name} | ${cells.join(" | ")} |\n`);
  }
}
