import { expect, test } from "vitest";
import { type Middleware, stack } from "../../src/middleware/index.ts";

const request = new Request("http://a/");

test("stack puts the first outermost, and works with none", async () => {
  const seen: string[] = [];
  const note =
    (name: string): Middleware =>
    (handler) =>
    async (...given) => {
      seen.push(`${name} in`);
      const response = await handler(...given);
      seen.push(`${name} out`);
      return response;
    };
  const handler = stack(note("a"), note("b"))(() => new Response("c"));
  expect(await (await handler(request)).text()).toBe("c");
  expect(seen).toEqual(["a in", "b in", "b out", "a out"]);
  expect(await (await stack()(() => new Response("d"))(request)).text()).toBe("d");
});

test("stack hands on what a handler is called with beside the request, and what it throws", async () => {
  const through: Middleware =
    (handler) =>
    async (...given) =>
      handler(...given);
  const handler = stack(
    through,
    through,
  )((_request: Request, user: string) => {
    if (user === "") throw new Error("nobody");
    return new Response(user);
  });
  expect(await (await handler(request, "me")).text()).toBe("me");
  await expect(handler(request, "")).rejects.toThrow("nobody");
});
