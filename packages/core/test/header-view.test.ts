import { expect, test } from "vitest";
import { emptyHeaders, headerView } from "../src/index.ts";

const view = headerView([
  "Host",
  "a",
  "X-Tag",
  "1",
  "Set-Cookie",
  "a=1",
  "x-tag",
  "2",
  "set-cookie",
  "b=2",
  "Cookie",
  "c=1",
  "cookie",
  "d=2",
]);

test("names are matched without regard to case; several lines are joined (RFC 9110, 5.3)", () => {
  expect(view.get("host")).toBe("a");
  expect(view.get("X-TAG")).toBe("1, 2");
  expect(view.get("cookie")).toBe("c=1; d=2");
  expect(view.get("none")).toBeUndefined();
  expect(view.has("SET-COOKIE")).toBe(true);
  expect(view.has("none")).toBe(false);
});

test("lines of one name come out apart", () => {
  expect(view.getAll("set-cookie")).toEqual(["a=1", "b=2"]);
  expect(view.getAll("none")).toEqual([]);
});

test("iterates in the order of the wire, names in lower case", () => {
  expect(view.size).toBe(7);
  expect([...view].slice(0, 2)).toEqual([
    ["host", "a"],
    ["x-tag", "1"],
  ]);
  expect([...emptyHeaders]).toEqual([]);
});

test("becomes genuine Headers, cookies apart", () => {
  const headers = view.toHeaders();
  expect(headers).toBeInstanceOf(Headers);
  expect(headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(headers.get("x-tag")).toBe("1, 2");
});

test("names such as __proto__ are names", () => {
  const strange = headerView(["__proto__", "x", "constructor", "y"]);
  expect(strange.get("__proto__")).toBe("x");
  expect(strange.get("constructor")).toBe("y");
  expect(strange.has("tostring")).toBe(false);
});
