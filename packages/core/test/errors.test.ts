import { expect, expectTypeOf, test } from "vitest";
import { defineErrors, errorCode, KingError } from "../src/errors.ts";

const errors = defineErrors({
  KING_TEST_FULL: errorCode<{ limit: number }>("limit", { retryable: true }),
  KING_TEST_BROKEN: errorCode("internal"),
});

test("an error carries code, category, details and cause, and is recognised by code", () => {
  const cause = new Error("below");
  const error = errors.create(
    "KING_TEST_FULL",
    "expected room",
    { limit: 3 },
    { cause, retryAfterMs: 50 },
  );
  expect(error).toMatchObject({
    name: "KingError",
    code: "KING_TEST_FULL",
    category: "limit",
    retryable: true,
    retryAfterMs: 50,
    details: { limit: 3 },
    message: "expected room",
  });
  expect(error.cause).toBe(cause);
  expect(KingError.is(error)).toBe(true);
  expect(KingError.is(error, "KING_TEST_FULL")).toBe(true);
  expect(KingError.is(error, "KING_TEST_BROKEN")).toBe(false);
  expect(KingError.is(cause)).toBe(false);
  expect(KingError.is({ ...error })).toBe(false);
  if (errors.is(error, "KING_TEST_FULL")) expectTypeOf(error.details.limit).toEqualTypeOf<number>();
});

test("a table recognises its own codes only", () => {
  const other = defineErrors({ KING_OTHER: errorCode("state") });
  expect(other.is(errors.create("KING_TEST_BROKEN", "", {}))).toBe(false);
  expect(errors.is(errors.create("KING_TEST_BROKEN", "", {}))).toBe(true);
});

test("an error without cause or retry has none of either", () => {
  const error = errors.create("KING_TEST_BROKEN", "broken", {});
  expect("cause" in error).toBe(false);
  expect("retryAfterMs" in error).toBe(false);
  expect(Object.isFrozen(error.details)).toBe(true);
});

test("JSON of an error has what a log line needs, and no stack or cause", () => {
  const error = errors.create(
    "KING_TEST_FULL",
    "full",
    { limit: 1 },
    { cause: new Error("secret") },
  );
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    name: "KingError",
    code: "KING_TEST_FULL",
    category: "limit",
    message: "full",
    retryable: true,
    details: { limit: 1 },
  });
});

test("an error of another copy of this package is recognised", async () => {
  const url = new URL("../src/errors.ts", import.meta.url).href;
  const copy = (await import(`${url}?copy`)) as typeof import("../src/errors.ts");
  expect(copy.KingError).not.toBe(KingError);
  const foreign = new copy.KingError("x", { code: "KING_TEST_FULL", category: "limit" });
  expect(foreign instanceof KingError).toBe(false);
  expect(KingError.is(foreign, "KING_TEST_FULL")).toBe(true);
  expect(errors.is(foreign, "KING_TEST_FULL")).toBe(true);
});
