import { expect, test } from "vitest";
import { MessageQueue } from "../src/client/message-queue.ts";

const settled = async (promise: Promise<unknown> | undefined) =>
  promise === undefined ||
  (await Promise.race([promise.then(() => true), new Promise((next) => setImmediate(next))])) ===
    true;

test("takes messages ahead of the reader up to a bound, and says when there is room again", async () => {
  const queue = new MessageQueue();
  expect(queue.push(new Uint8Array(30_000))).toBeUndefined();
  expect(queue.push(new Uint8Array(30_000))).toBeUndefined();
  const room = queue.push(new Uint8Array(30_000));
  expect(await settled(room)).toBe(false);
  await queue.next();
  expect(await settled(room)).toBe(true);
});

test("counts what tiny messages cost beside their bytes", () => {
  const queue = new MessageQueue();
  let taken = 0;
  while (queue.push("") === undefined) taken++;
  expect(taken).toBeLessThan(1_000);
});

test("hands messages to whoever waits, in the order of asking", async () => {
  const queue = new MessageQueue();
  const asked = [queue.next(), queue.next()];
  expect(queue.push("a")).toBeUndefined();
  expect(queue.push("b")).toBeUndefined();
  expect(await Promise.all(asked)).toEqual([
    { done: false, value: "a" },
    { done: false, value: "b" },
  ]);
});

test("ends after what is there, with its error where it has one, however often it is asked", async () => {
  const queue = new MessageQueue();
  queue.push("a");
  const why = new Error("broken");
  queue.end(why);
  expect(await queue.next()).toEqual({ done: false, value: "a" });
  await expect(queue.next()).rejects.toBe(why);
  await expect(queue.next()).rejects.toBe(why);
  const clean = new MessageQueue();
  const waiting = clean.next();
  clean.end(undefined);
  expect(await waiting).toEqual({ done: true, value: undefined });
});
