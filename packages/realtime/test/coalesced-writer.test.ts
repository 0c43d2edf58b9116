import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { CoalescedWriter, Turn } from "../src/coalesced-writer.ts";

/** Every call that reaches what is written to, as the sizes of what it brought. */
function counting() {
  const calls: number[][] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      calls.push([chunk.length]);
      callback();
    },
    writev(chunks, callback) {
      calls.push(chunks.map(({ chunk }) => (chunk as Buffer).length));
      callback();
    },
  });
  const turn = new Turn();
  return { calls, output, turn, writer: new CoalescedWriter(output, turn) };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("the frames of one turn are one write, also those sent after a promise in it", async () => {
  const { calls, writer } = counting();
  writer.write(Buffer.alloc(1));
  writer.write(Buffer.alloc(2));
  await Promise.resolve();
  writer.write(Buffer.alloc(3));
  expect(calls).toEqual([]);
  await nextTurn();
  expect(calls).toEqual([[1, 2, 3]]);
  writer.write(Buffer.alloc(4));
  await nextTurn();
  expect(calls).toEqual([[1, 2, 3], [4]]);
});

test("much does not wait for the end of the turn", async () => {
  const { calls, writer } = counting();
  writer.write(Buffer.alloc(1));
  writer.write(Buffer.alloc(70_000));
  expect(calls).toEqual([[1, 70_000]]);
  writer.write(Buffer.alloc(2));
  await nextTurn();
  expect(calls).toEqual([[1, 70_000], [2]]);
});

test("what others write in between keeps its place", async () => {
  const { calls, output, writer } = counting();
  writer.write(Buffer.alloc(1));
  output.write(Buffer.alloc(2));
  writer.write(Buffer.alloc(3));
  await nextTurn();
  expect(calls).toEqual([[1, 2, 3]]);
});

test("an end in the same turn sends what is held first", async () => {
  const { calls, output, writer } = counting();
  writer.write(Buffer.alloc(1));
  output.end(Buffer.alloc(2));
  await nextTurn();
  expect(calls).toEqual([[1, 2]]);
  expect(output.writableFinished).toBe(true);
});

test("an output that is destroyed in the same turn is left alone", async () => {
  const { calls, output, writer } = counting();
  writer.write(Buffer.alloc(1));
  output.destroy();
  await nextTurn();
  expect(calls).toEqual([]);
});

test("several writers share one turn", async () => {
  const { turn, calls, writer } = counting();
  const other = counting();
  const second = new CoalescedWriter(other.output, turn);
  writer.write(Buffer.alloc(1));
  second.write(Buffer.alloc(2));
  writer.write(Buffer.alloc(3));
  await nextTurn();
  expect([calls, other.calls]).toEqual([[[1, 3]], [[2]]]);
});
