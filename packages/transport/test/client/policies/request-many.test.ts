import type { ServerResponse } from "node:http";
import { KingError } from "@king-runtime/core";
import { recorder, withDeadline } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HttpClientResponse } from "../../../src/client/http-client-response.ts";
import {
  type ManyOutcome,
  type ManyRequest,
  type RequestManyOptions,
  requestMany,
} from "../../../src/client/policies/request-many.ts";
import { Turns } from "../../../src/client/policies/turns.ts";
import { deadOrigin, plainClient, watchedServer } from "./policy-harness.ts";

/** A server that answers when the test says so, by path. */
async function heldServer() {
  const responses = new Map<string, ServerResponse>();
  const server = await watchedServer((response, { url }) => responses.set(url, response));
  return {
    server,
    answer: (url: string) => void responses.get(url)?.end(url),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** What a loop that reads each response gets, as `"index: text"`. */
async function textsOf(outcomes: AsyncIterable<ManyOutcome>) {
  const texts: string[] = [];
  for await (const { index, response, error } of outcomes) {
    texts.push(
      `${index}: ${response === undefined ? (error as KingError).code : await response.text()}`,
    );
  }
  return texts;
}

const paths = (origin: string, count: number): ManyRequest[] =>
  Array.from({ length: count }, (_, at) => ({ url: `${origin}/${at}` }));

describe("requestMany", () => {
  test("gives what becomes of each request, and a failure ends none of the others", async () => {
    await using server = await watchedServer((response, { url, body }) =>
      response.end(`${url} ${body}`),
    );
    await using inner = plainClient();
    const dead = await deadOrigin();
    const requests: ManyRequest[] = [
      { url: `${server.origin}/a` },
      { url: dead },
      { url: new URL(`${server.origin}/b`), method: "POST", body: "text" },
      { url: "no url" },
      null as unknown as ManyRequest,
      { url: `${server.origin}/c`, headers: { "bad name": "x" } },
    ];
    const texts = await textsOf(requestMany(inner.client, requests, { order: "input" }));
    expect(texts).toEqual([
      "0: /a ",
      "1: KING_NET_CONNECT",
      "2: /b text",
      "3: KING_HTTP_REQUEST_INVALID",
      "4: KING_OPTION_INVALID",
      "5: KING_HTTP_REQUEST_INVALID",
    ]);
  });

  test("gives nothing of nothing", async () => {
    await using inner = plainClient();
    expect(await textsOf(requestMany(inner.client, []))).toEqual([]);
  });

  test("gives outcomes as they come, or in the order of the requests", async () => {
    for (const [order, expected] of [
      ["completion", ["2: /2", "0: /0", "1: /1"]],
      ["input", ["0: /0", "1: /1", "2: /2"]],
    ] as const) {
      await using held = await heldServer();
      await using inner = plainClient();
      const { origin, arrivals } = held.server;
      const got = recorder<string>();
      const loop = (async () => {
        for await (const { index, response } of requestMany(inner.client, paths(origin, 3), {
          order,
        })) {
          got.record(`${index}: ${await response?.text()}`);
        }
      })();
      await arrivals.take(3);
      for (const [nth, url] of ["/2", "/0", "/1"].entries()) {
        held.answer(url);
        if (order === "completion") await got.take(nth + 1);
      }
      await loop;
      expect(got.values).toEqual(expected);
    }
  });

  test("has at most `concurrency` exchanges under way, until their bodies are read or given up", async () => {
    await using server = await watchedServer((response) => response.end("text"));
    await using inner = plainClient();
    const loop = requestMany(inner.client, paths(server.origin, 9), { concurrency: 3 })[
      Symbol.asyncIterator
    ]();
    const held: HttpClientResponse[] = [];
    for (let at = 0; at < 3; at++) {
      const { value } = await loop.next();
      held.push((value as ManyOutcome).response as HttpClientResponse);
    }
    const fourth = loop.next();
    await new Promise(setImmediate);
    expect(server.seen).toHaveLength(3);
    await held[0]?.text();
    await server.arrivals.take(4);
    await held[1]?.[Symbol.asyncDispose]();
    await server.arrivals.take(5);
    expect((await fourth).value).toMatchObject({ index: 3 });
    expect(server.seen).toHaveLength(5);
    await loop.return?.();
  });

  test("counts no exchange that has no body to be read", async () => {
    await using server = await watchedServer((response, { url }) =>
      url === "/204"
        ? response.writeHead(204).end()
        : response.writeHead(200, { "content-length": 0 }).end(),
    );
    await using inner = plainClient();
    const kinds = [{ method: "HEAD", path: "/" }, { path: "/204" }, { path: "/empty" }];
    for (const { path, ...options } of kinds) {
      const url = server.origin + path;
      const requests = Array.from({ length: 8 }, () => ({ url, ...options }));
      let count = 0;
      for await (const { response } of requestMany(inner.client, requests, { concurrency: 2 })) {
        if (response !== undefined) count++;
      }
      expect(count).toBe(8);
    }
  });

  test("has at most `perOrigin` of them with one origin, and origins take turns", async () => {
    await using slow = await heldServer();
    await using quick = await watchedServer((response, { url }) => response.end(`quick ${url}`));
    await using inner = plainClient();
    const requests = [...paths(slow.server.origin, 20), ...paths(quick.origin, 5)];
    const outcomes = requestMany(inner.client, requests, { concurrency: 8, perOrigin: 3 });
    const texts = recorder<string>();
    const loop = (async () => {
      for await (const { response } of outcomes) texts.record((await response?.text()) ?? "");
    })();
    // Those of the origin that does not answer were first, and are not waited for.
    await texts.take(5);
    expect(texts.values.every((text) => text.startsWith("quick"))).toBe(true);
    expect(slow.server.seen).toHaveLength(3);
    for (let at = 0; at < 20; at++) {
      await slow.server.arrivals.take(at + 1);
      expect(slow.server.seen.length).toBeLessThanOrEqual(at + 3);
      slow.answer(`/${at}`);
      await texts.take(6 + at);
    }
    await loop;
  });

  test("gives origins that do not answer no more places than others, as long as others have use for them", async () => {
    await using one = await heldServer();
    await using two = await heldServer();
    await using quick = await watchedServer((response, { url }) => response.end(`quick ${url}`));
    await using inner = plainClient();
    const origins = [one.server.origin, two.server.origin, quick.origin];
    const requests = Array.from({ length: 24 }, (_, at) => ({
      url: `${origins[at % 3]}/${Math.floor(at / 3)}`,
    }));
    // Alone, the two that do not answer could hold all places.
    const outcomes = requestMany(inner.client, requests, { concurrency: 4, perOrigin: 3 });
    let count = 0;
    for await (const { response } of outcomes) {
      expect(await response?.text()).toBe(`quick /${count++}`);
      if (count === 8) break;
    }
    expect(one.server.seen.length + two.server.seen.length).toBeLessThanOrEqual(4);
  });

  test("goes on with others while the body of one is read slowly", async () => {
    await using server = await watchedServer((response, { url }) => response.end(url));
    await using inner = plainClient();
    for await (const { response } of requestMany(inner.client, paths(server.origin, 4), {
      concurrency: 4,
    })) {
      await server.arrivals.take(4); // while none of them has been read
      await response?.text();
    }
  });

  test("takes requests as there is room for them, four times as many ahead as are under way", async () => {
    await using held = await heldServer();
    await using inner = plainClient();
    const { server } = held;
    let taken = 0;
    let ended = false;
    function* endless() {
      try {
        for (;;) yield { url: `${server.origin}/${taken++}` };
      } finally {
        ended = true;
      }
    }
    const loop = requestMany(inner.client, endless(), { concurrency: 2 })[Symbol.asyncIterator]();
    const first = loop.next();
    await server.arrivals.take(2);
    expect([taken, ended]).toEqual([10, false]);
    held.answer("/0");
    const { value } = await first;
    await (value as ManyOutcome).response?.text();
    await server.arrivals.take(3);
    expect(taken).toBe(11);
    await loop.return?.();
    expect(ended).toBe(true);
  });

  test("takes them from an async iterable while others are under way", async () => {
    await using server = await watchedServer((response, { url }) => response.end(url));
    await using inner = plainClient();
    async function* source() {
      for (let at = 0; at < 20; at++) {
        yield { url: `${server.origin}/${at}` };
        await server.arrivals.take(at + 1); // each is sent before the next is known
      }
    }
    const texts = await textsOf(requestMany(inner.client, source(), { order: "input" }));
    expect(texts).toEqual(Array.from({ length: 20 }, (_, at) => `${at}: /${at}`));
  });

  test("ends with what the source throws, and cancels what is under way", async () => {
    await using held = await heldServer();
    await using inner = plainClient();
    const { server } = held;
    function* broken() {
      yield { url: `${server.origin}/0` };
      yield* [];
      throw new Error("no more of these");
    }
    async function* brokenLater() {
      yield { url: `${server.origin}/1` };
      await server.arrivals.until((all) => all.some(({ url }) => url === "/1"));
      throw new Error("no more of these");
    }
    await expect(textsOf(requestMany(inner.client, broken()))).rejects.toThrow("no more of these");
    await expect(textsOf(requestMany(inner.client, brokenLater()))).rejects.toThrow("no more");
    await server.abandoned.until((all) => all.some(({ url }) => url === "/1"));
  });

  test("cancels what is under way when the loop is left, but not what it handed out", async () => {
    await using held = await heldServer();
    await using inner = plainClient();
    const { server } = held;
    let kept: HttpClientResponse | undefined;
    const waiting = server.arrivals.take(4).then(() => held.answer("/1"));
    for await (const { response } of requestMany(inner.client, paths(server.origin, 50), {
      concurrency: 4,
      perOrigin: 4,
    })) {
      kept = response;
      break;
    }
    await waiting;
    const left = await server.abandoned.take(3);
    expect(left.map(({ url }) => url).sort()).toEqual(["/0", "/2", "/3"]);
    expect(await kept?.text()).toBe("/1");
    expect(server.seen).toHaveLength(4);
  });

  test("gives up responses that came and were not handed out", async () => {
    await using server = await watchedServer((response) => response.write("part of it"));
    await using inner = plainClient();
    const loop = requestMany(inner.client, paths(server.origin, 3))[Symbol.asyncIterator]();
    const { value } = await loop.next();
    await server.arrivals.take(3);
    await loop.return?.();
    await server.abandoned.take(2);
    await (value as ManyOutcome).response?.[Symbol.asyncDispose]();
    await server.abandoned.take(3);
  });

  test("gives up a response that comes after the loop was left", async () => {
    const sent = Promise.withResolvers<HttpClientResponse>();
    const disposed = Promise.withResolvers<void>();
    const client = { request: () => sent.promise };
    const loop = requestMany(client, [{ url: "http://a.example" }, { url: "no url" }], {
      order: "input",
      signal: AbortSignal.abort("enough"),
    });
    const left = requestMany(client, [{ url: "http://a.example" }], {
      signal: AbortSignal.timeout(1),
    });
    await expect(textsOf(loop)).rejects.toBe("enough");
    await expect(textsOf(left)).rejects.toMatchObject({ name: "TimeoutError" });
    sent.resolve({
      [Symbol.asyncDispose]: async () => disposed.resolve(),
    } as unknown as HttpClientResponse);
    await withDeadline(disposed.promise, "the response to be disposed of");
  });

  test("ends everything with its signal, also what was handed out", async () => {
    await using server = await watchedServer((response, { url }) =>
      url === "/0" ? response.write("part of it") : undefined,
    );
    await using inner = plainClient();
    const controller = new AbortController();
    const { signal } = controller;
    const loop = requestMany(inner.client, paths(server.origin, 3), { signal })[
      Symbol.asyncIterator
    ]();
    const { value } = await loop.next();
    const next = loop.next();
    await server.arrivals.take(3);
    controller.abort("enough");
    await expect(next).rejects.toBe("enough");
    await expect((value as ManyOutcome).response?.text()).rejects.toBe("enough");
    await server.abandoned.take(3);
    const late = requestMany(inner.client, paths(server.origin, 3), { signal });
    await expect(textsOf(late)).rejects.toBe("enough");
    expect(server.seen).toHaveLength(3);
  });

  test("minds the signal of each request", async () => {
    await using held = await heldServer();
    await using inner = plainClient();
    const { origin, arrivals } = held.server;
    const controller = new AbortController();
    const requests = [{ url: `${origin}/0`, signal: controller.signal }, { url: `${origin}/1` }];
    const outcomes: ManyOutcome[] = [];
    void arrivals.take(2).then(() => controller.abort("not this one"));
    for await (const outcome of requestMany(inner.client, requests)) {
      outcomes.push(outcome);
      await outcome.response?.text();
      if (outcome.index === 0) held.answer("/1");
    }
    expect(outcomes).toMatchObject([{ index: 0, error: "not this one" }, { index: 1 }]);
  });

  test("refuses options that make no sense, at once", async () => {
    await using inner = plainClient();
    for (const options of [
      { concurrency: 0 },
      { perOrigin: 0 },
      { order: "random" },
      { signal: {} },
      { parallel: 3 },
    ]) {
      expect(() => requestMany(inner.client, [], options as RequestManyOptions)).toThrow(
        expect.objectContaining({ code: "KING_OPTION_INVALID" }),
      );
    }
    const noList = { url: "http://a.example" } as unknown as ManyRequest[];
    expect(() => requestMany(inner.client, noList)).toThrow(KingError);
  });
});

test("whatever is slow, every request has its outcome, the limits hold and the order is kept", async () => {
  const request = fc.record({
    origin: fc.integer({ min: 0, max: 3 }),
    turns: fc.integer({ min: 0, max: 5 }),
    readTurns: fc.integer({ min: 0, max: 3 }),
    fails: fc.boolean(),
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const order = fc.constantFrom("completion" as const, "input" as const);
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 3 }),
      order,
      async (requests, concurrency, perOrigin, order) => {
        const underWay = [0, 0, 0, 0];
        const client = {
          async request(url: string | URL) {
            const at = Number(new URL(url).pathname.slice(1));
            const { origin, turns, fails, readTurns } = requests[at] as (typeof requests)[0];
            underWay[origin] = (underWay[origin] as number) + 1;
            expect(underWay[origin]).toBeLessThanOrEqual(perOrigin);
            expect(underWay.reduce((a, b) => a + b)).toBeLessThanOrEqual(concurrency);
            const over = () => {
              underWay[origin] = (underWay[origin] as number) - 1;
            };
            for (let count = 0; count < turns; count++) await turn();
            if (fails) {
              over();
              throw new Error("failed");
            }
            const trailers = Promise.withResolvers<void>();
            return {
              status: 200,
              headers: { get: () => undefined },
              trailers: trailers.promise,
              async text() {
                for (let count = 0; count < readTurns; count++) await turn();
                over();
                trailers.resolve();
              },
            } as unknown as HttpClientResponse;
          },
        };
        const list = requests.map(({ origin }, at) => ({ url: `http://o${origin}.example/${at}` }));
        const indices: number[] = [];
        for await (const { index, response } of requestMany(client, list, {
          concurrency,
          perOrigin,
          order,
        })) {
          indices.push(index);
          await response?.text();
        }
        const all = list.map((_, at) => at);
        expect(order === "input" ? indices : indices.toSorted((a, b) => a - b)).toEqual(all);
      },
    ),
    { numRuns: Number(process.env["KING_FUZZ_RUNS"] ?? 200) },
  );
});

test("turns go round the keys, each in its own order, those with the least load first", () => {
  const turns = new Turns<string>();
  const items = ["a1", "a2", "a3", "b1", "b2", "c1"];
  const pushAll = () => {
    for (const item of items) turns.push(item.slice(0, 1), item);
  };
  const takeAll = (loadOf: (key: string) => number) => {
    const taken: (string | undefined)[] = [];
    while (turns.size > 0) taken.push(turns.shift(loadOf, 4));
    return taken;
  };
  pushAll();
  expect(takeAll(() => 0)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  pushAll();
  expect(takeAll(() => 3)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  pushAll();
  expect(takeAll((key) => ({ a: 3, b: 2 })[key] ?? 1)).toEqual([
    "c1",
    "b1",
    "b2",
    "a1",
    "a2",
    "a3",
  ]);
  turns.push("a", "a4");
  expect([turns.shift(() => 4, 4), turns.shiftOf("b"), turns.shiftOf("a")]).toEqual([
    undefined,
    undefined,
    "a4",
  ]);
});
