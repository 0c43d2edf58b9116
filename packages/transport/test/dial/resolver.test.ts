import { expect, test } from "vitest";
import { systemResolver } from "../../src/dial/resolver.ts";

const lookups = () =>
  process.getActiveResourcesInfo().filter((kind) => kind === "GetAddrInfoReqWrap").length;

test("the system is asked once for all who ask for the same at a time, and again for the next", async () => {
  const { signal } = new AbortController();
  const before = lookups();
  const ask = () => systemResolver.resolve("localhost", 4, signal);
  const answers = Array.from({ length: 50 }, ask);
  expect(lookups() - before).toBe(1);
  for (const found of await Promise.all(answers)) expect(found).toEqual(["127.0.0.1"]);
  await new Promise(setImmediate); // the one that is over counts until then
  expect(lookups() - before).toBe(0);
  const next = ask();
  expect(lookups() - before).toBe(1);
  expect(await next).toEqual(["127.0.0.1"]);
});

test("all who ask at a time learn that there is nothing, and the next ask anew", async () => {
  const { signal } = new AbortController();
  const ask = () => systemResolver.resolve("nobody.invalid", 4, signal);
  for (let round = 0; round < 2; round++) {
    const outcomes = await Promise.allSettled([ask(), ask()]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  }
});
