// Uses the installed @king-runtime/iibin: round trips, a .proto file, a module built from it where
// no code may be generated.
import { deepEqual, equal, throws } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KingError } from "@king-runtime/core";
import {
  checkCompatibility,
  createCodec,
  decode,
  defineSchema,
  delimitedDecoder,
  delimitedEncoder,
  encode,
  fromJsonText,
  importProto,
  toJson,
} from "@king-runtime/iibin";
import { plane } from "@king-runtime/iibin/cli";

const Order = defineSchema("tea.Order", {
  id: { tag: 1, type: "uint64" },
  tea: { tag: 2, type: "string" },
  sugars: { tag: 3, type: "int32", repeated: true },
});
const order = { id: 7n, tea: "Grüntee", sugars: [2, -1] };
const bytes = encode(Order, order, { copy: true });
deepEqual(decode(Order, bytes), order);
deepEqual(createCodec(Order, { generate: false }).decode(bytes), order);
deepEqual(fromJsonText(Order, JSON.stringify(toJson(Order, order))), order);
throws(
  () => decode(Order, bytes.subarray(0, 5)),
  (error) => KingError.is(error, "KING_IIBIN_WIRE_INVALID"),
);

const orders: unknown[] = [];
const stream = ReadableStream.from([order, order]).pipeThrough(delimitedEncoder(Order));
for await (const each of stream.pipeThrough(delimitedDecoder(Order))) orders.push(each);
deepEqual(orders, [order, order]);

const source = `syntax = "proto3"; package tea;
  message Order { uint64 id = 1; string tea = 2; repeated int32 sugars = 3; }`;
equal(checkCompatibility(Order, importProto(source).schema("tea.Order")).compatible, true);
await writeFile(join(import.meta.dirname, "tea.proto"), source);
const build = plane.commands.find(({ name }) => name === "build");
const printed: string[] = [];
const output = { write: (text: string) => void printed.push(text) };
const code = await build?.run({
  args: { file: "tea.proto" },
  options: { out: "tea.js", force: true },
  cwd: import.meta.dirname,
  env: {},
  stdout: output,
  stderr: output,
  signal: new AbortController().signal,
});
equal(code, 0, printed.join(""));

const strict = spawnSync(
  process.execPath,
  [
    "--disallow-code-generation-from-strings",
    "--input-type=module",
    "--eval",
    `import { tea_Order } from "./tea.js";
    const bytes = tea_Order.encode({ id: 7n, tea: "Grüntee", sugars: [2, -1] });
    console.log(Buffer.from(bytes).toString("hex"), tea_Order.decode(bytes).tea);`,
  ],
  { cwd: import.meta.dirname, encoding: "utf8" },
);
equal(strict.stderr, "");
equal(strict.stdout, `${Buffer.from(bytes).toString("hex")} Grüntee\n`);
