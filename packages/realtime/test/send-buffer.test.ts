import { expect, test } from "vitest";
import { SendBuffer } from "../src/send-buffer.ts";

test("admits anything while nothing waits", () => {
  const buffer = new SendBuffer({ writableLength: 0 }, 1_000);
  for (let i = 0; i < 100; i++) expect(buffer.admit(900)).toBe(true);
  expect(buffer.heldBytes).toBe(0);
});

test("refuses what would exceed the bound, bookkeeping included", () => {
  const writer = { writableLength: 0 };
  const buffer = new SendBuffer(writer, 10_000);
  let taken = 0;
  while (buffer.admit(1_000)) {
    writer.writableLength += 1_000;
    taken++;
  }
  // Each of them costs 1,128.
  expect(taken).toBe(8);
  expect(buffer.heldBytes).toBe(8 * 1_128);
});

test("a flood of tiny messages is bounded by its bookkeeping", () => {
  const writer = { writableLength: 0 };
  const buffer = new SendBuffer(writer, 1_048_576);
  let taken = 0;
  while (buffer.admit(3)) {
    writer.writableLength += 3;
    taken++;
  }
  expect(taken).toBeLessThan(1_048_576 / 128);
  expect(taken).toBeGreaterThan(1_048_576 / 140);
});

test("a reader that keeps up is never refused, though its buffer is never empty", () => {
  const writer = { writableLength: 0 };
  const buffer = new SendBuffer(writer, 100_000);
  for (let i = 0; i < 10_000; i++) {
    expect(buffer.admit(50)).toBe(true);
    writer.writableLength = Math.min(writer.writableLength + 50, 5_000);
  }
});

test("is as good as new once it was empty", () => {
  const writer = { writableLength: 0 };
  const buffer = new SendBuffer(writer, 2_000);
  while (buffer.admit(10)) writer.writableLength += 10;
  writer.writableLength = 0;
  expect(buffer.admit(1_500)).toBe(true);
});
