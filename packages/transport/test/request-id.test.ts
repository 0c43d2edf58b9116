import { expect, test } from "vitest";
import { type ListenHttpOptions, listenHttp, request } from "../src/index.ts";

const handler: ListenHttpOptions["handler"] = (exchange) =>
  exchange.respond(200, {}, exchange.requestId);

async function ids(options: Partial<ListenHttpOptions>, headers: Record<string, string> = {}) {
  await using listener = await listenHttp({ handler, ...options });
  const url = `http://127.0.0.1:${listener.local.port}`;
  const response = await request(url, { headers });
  return { id: await response.text(), sent: response.headers.getAll("x-request-id") };
}

test("ids are made here, unlike each other, and what clients say is not believed", async () => {
  const headers = { "x-request-id": "mine" };
  const all = [await ids({}, headers), await ids({}, headers)];
  for (const { id, sent } of all) {
    expect(id).toMatch(/^[\w-]{12}-\w+$/);
    expect(sent).toEqual([]);
  }
  expect(all[0]?.id).not.toBe(all[1]?.id);
});

test("with requestIdHeader the client's is taken, and sent back", async () => {
  const requestIdHeader = "x-request-id";
  const taken = await ids({ requestIdHeader }, { "X-Request-Id": "a.b:c/1" });
  expect(taken).toEqual({ id: "a.b:c/1", sent: ["a.b:c/1"] });
  const { id, sent } = await ids({ requestIdHeader });
  expect(sent).toEqual([id]);
});

test.each([
  ["with a space", "a b"],
  ["too long", "x".repeat(129)],
  ["with quotes", '"a"'],
])("an id %s is not taken", async (_, given) => {
  const { id } = await ids({ requestIdHeader: "x-request-id" }, { "x-request-id": given });
  expect(id).not.toBe(given);
});

test("the handler's own field stands", async () => {
  const own: ListenHttpOptions["handler"] = (exchange) =>
    exchange.respond(200, { "X-Request-Id": "own" }, "");
  const { sent } = await ids({ handler: own, requestIdHeader: "x-request-id" });
  expect(sent).toEqual(["own"]);
});

test("a name that is none is refused", async () => {
  await expect(listenHttp({ handler, requestIdHeader: "X Id" })).rejects.toMatchObject({
    code: "KING_OPTION_INVALID",
    details: { option: "requestIdHeader" },
  });
});
