import type { ServerResponse } from "node:http";
import { constants, createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { streamErrors } from "@king-runtime/core";
import { recorder, testClock } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { type HedgeOptions, hedgePolicy, hedging } from "../../../src/client/policies/hedge.ts";
import { RetryBudget } from "../../../src/client/policies/retry-budget.ts";
import { timeLeftMs } from "../../../src/client/policies/time-left.ts";
import { abortedError } from "../../../src/client/request-error.ts";
import type { Send } from "../../../src/client/send.ts";
import { createHttpClient } from "../../../src/index.ts";
import { countingServer } from "../counting-server.ts";
import { plainClient, prepared, watchedServer } from "./policy-harness.ts";

function hedgingOn(send: Send, options: Partial<HedgeOptions> = {}, maxReserve = 10) {
  const clock = testClock();
  const budget = new RetryBudget({ budget: 0.2, maxReserve });
  const policy = hedgePolicy({ delayMs: 1_000, ...options });
  return { clock, budget, send: hedging(send, policy, { clock, budget }) };
}

/** A server whose answers are in the hands of the test, by number of the request from 0. */
async function heldServer() {
  const responses: ServerResponse[] = [];
  const server = await watchedServer((response) => responses.push(response));
  return {
    server,
    answer: (nth: number, text: string) => void responses[nth]?.end(text),
    break: (nth: number) => void responses[nth]?.socket?.destroy(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe("a hedged request", () => {
  test("is sent once where the answer comes in time, and leaves no timer", async () => {
    await using server = await watchedServer((response) => response.end("quick"));
    await using inner = plainClient();
    const { clock, send, budget } = hedgingOn(inner.send);
    expect(await (await send(prepared(server.origin))).text()).toBe("quick");
    expect([clock.pendingTimers, budget.stats().retries, server.seen.length]).toEqual([0, 0, 1]);
  });

  test("is sent once more after delayMs, and the first head wins; the server sees the other end", async () => {
    for (const winner of [0, 1]) {
      await using held = await heldServer();
      const { server } = held;
      await using inner = plainClient();
      const { clock, send } = hedgingOn(inner.send);
      const outcome = send(prepared(`${server.origin}/it`));
      await server.arrivals.take(1);
      clock.advance(999);
      expect(server.seen).toHaveLength(1);
      clock.advance(1);
      await server.arrivals.take(2);
      held.answer(winner, `answer ${winner}`);
      const response = await outcome;
      expect(await response.text()).toBe(`answer ${winner}`);
      await server.abandoned.take(1);
      expect([server.abandoned.values.length, clock.pendingTimers]).toEqual([1, 0]);
    }
  });

  test("ends over HTTP/2 by a reset of its stream, and the connection goes on", async () => {
    const streams = recorder<ServerHttp2Stream>();
    const closed = recorder<number>();
    let connections = 0;
    const server = createHttp2Server();
    server.on("session", () => connections++);
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      stream.on("close", () => closed.record(stream.rstCode));
      streams.record(stream);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await using inner = plainClient({ protocols: ["h2"] });
      const { clock, send } = hedgingOn(inner.send);
      const { port } = server.address() as AddressInfo;
      const outcome = send(prepared(`http://127.0.0.1:${port}`));
      await streams.take(1);
      clock.advance(1_000);
      const [, second] = await streams.take(2);
      second?.respond({ ":status": 200 });
      const response = await outcome;
      expect(await closed.take(1)).toEqual([constants.NGHTTP2_CANCEL]);
      second?.end("the second");
      expect([await response.text(), connections]).toEqual(["the second", 1]);
    } finally {
      server.close();
    }
  });

  test("is not sent once more on the connection that the first answer has freed", async () => {
    const responses: ServerResponse[] = [];
    await using server = await countingServer((_, response) => responses.push(response));
    await using client = createHttpClient({ hedge: { delayMs: 1 }, maxSessionsPerOrigin: 1 });
    const outcome = client.request(server.url);
    await expect.poll(() => [responses.length, client.stats().requestsWaiting]).toEqual([1, 1]);
    responses[0]?.end("answer");
    expect(await (await outcome).text()).toBe("answer");
    const next = client.request(server.url, { hedge: false });
    await expect.poll(() => responses.length).toBe(2);
    responses[1]?.end();
    await next;
    expect(server.connections).toBe(1);
  });

  test("is sent max times more at most, each delayMs after the one before", async () => {
    await using held = await heldServer();
    const { server } = held;
    await using inner = plainClient();
    const { clock, send, budget } = hedgingOn(inner.send, { max: 2 });
    const outcome = send(prepared(server.origin));
    for (let count = 1; count <= 3; count++) {
      await server.arrivals.take(count);
      clock.advance(1_000);
    }
    clock.advance(60_000);
    held.answer(2, "last");
    expect(await (await outcome).text()).toBe("last");
    await server.abandoned.take(2);
    expect([server.seen.length, budget.stats().retries]).toEqual([3, 2]);
  });

  test("sends its body with each attempt", async () => {
    await using held = await heldServer();
    const { server } = held;
    await using inner = plainClient();
    const { clock, send } = hedgingOn(inner.send);
    const outcome = send(prepared(server.origin, { method: "PUT", body: "all of it" }));
    await server.arrivals.take(1);
    clock.advance(1_000);
    const seen = await server.arrivals.take(2);
    held.answer(1, "done");
    await (await outcome).text();
    expect(seen.map(({ body }) => body)).toEqual(["all of it", "all of it"]);
  });

  test("is not hedged unless it may be done twice, with a body that is still there", async () => {
    const chunks = async function* () {
      yield Buffer.from("once");
    };
    const attempts = recorder<string>();
    const { clock, send } = hedgingOn((request) => {
      attempts.record(request.method);
      return Promise.withResolvers<never>().promise;
    });
    void send(prepared("http://a.example", { method: "POST", body: "x" }));
    void send(prepared("http://a.example", { method: "PUT", body: chunks() }));
    void send(prepared("http://a.example", { idempotent: false }));
    expect(clock.pendingTimers).toBe(0);
    void send(prepared("http://a.example", { method: "POST", body: "x", idempotent: true }));
    clock.advance(5_000);
    expect(attempts.values).toEqual(["POST", "PUT", "GET", "POST", "POST"]);
  });

  test("waits for the other attempt when one fails", async () => {
    await using held = await heldServer();
    const { server } = held;
    await using inner = plainClient();
    const { clock, send } = hedgingOn(inner.send);
    const outcome = send(prepared(server.origin));
    await server.arrivals.take(1);
    clock.advance(1_000);
    await server.arrivals.take(2);
    held.break(0);
    await server.abandoned.take(1);
    held.answer(1, "the other");
    expect(await (await outcome).text()).toBe("the other");
  });

  test("has no outcome until all attempts under way have failed", async () => {
    const attempts: PromiseWithResolvers<never>[] = [];
    const { clock, send } = hedgingOn(() => {
      const attempt = Promise.withResolvers<never>();
      attempts.push(attempt);
      return attempt.promise;
    });
    const settled = recorder<unknown>();
    send(prepared("http://a.example")).then(settled.record, settled.record);
    clock.advance(1_000);
    attempts[0]?.reject(new Error("the first"));
    await clock.advanceAsync(0);
    expect(settled.values).toEqual([]);
    attempts[1]?.resolve("a head" as never);
    expect(await settled.take(1)).toEqual(["a head"]);
  });

  test("fails with the first error once all attempts have failed", async () => {
    const attempts: PromiseWithResolvers<never>[] = [];
    const { clock, send } = hedgingOn(
      () => {
        const attempt = Promise.withResolvers<never>();
        attempts.push(attempt);
        return attempt.promise;
      },
      { max: 2 },
    );
    const outcome = send(prepared("http://a.example"));
    clock.advance(2_000);
    const errors = attempts.map((_, at) => new Error(`error ${at}`));
    for (const at of [1, 0, 2]) attempts[at]?.reject(errors[at]);
    await expect(outcome).rejects.toBe(errors[1]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("fails at once where the first attempt does: to repeat is for retries", async () => {
    const error = abortedError(prepared("http://a.example"), true);
    const { clock, send } = hedgingOn(() => Promise.reject(error));
    await expect(send(prepared("http://a.example"))).rejects.toBe(error);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends with the caller's signal, all attempts with it", async () => {
    await using held = await heldServer();
    const { server } = held;
    await using inner = plainClient();
    const { clock, send } = hedgingOn(inner.send, { max: 3 });
    const controller = new AbortController();
    const outcome = send(prepared(server.origin, { signal: controller.signal }));
    await server.arrivals.take(1);
    clock.advance(1_000);
    await server.arrivals.take(2);
    controller.abort("enough");
    await expect(outcome).rejects.toBe("enough");
    await server.abandoned.take(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends with the caller's signal also once its body is read", async () => {
    await using server = await watchedServer((response) => response.write("part"));
    await using inner = plainClient();
    const { send } = hedgingOn(inner.send);
    const controller = new AbortController();
    const response = await send(prepared(server.origin, { signal: controller.signal }));
    const text = response.text();
    controller.abort("enough");
    await expect(text).rejects.toBe("enough");
    await server.abandoned.take(1);
  });

  test("pays for each further attempt, and goes without where nothing is left", async () => {
    const attempts: PromiseWithResolvers<never>[] = [];
    const { clock, send, budget } = hedgingOn(
      () => {
        const attempt = Promise.withResolvers<never>();
        attempts.push(attempt);
        return attempt.promise;
      },
      { max: 5 },
      2,
    );
    void send(prepared("http://a.example"));
    clock.advance(60_000);
    expect(attempts).toHaveLength(3);
    expect(budget.stats()).toEqual({ retries: 2, refusedByBudget: 1 });
  });

  test("gives further attempts the time that is left, and none when that is over", async () => {
    const left: number[] = [];
    const { clock, send } = hedgingOn(
      (request) => {
        left.push(timeLeftMs(request));
        return Promise.withResolvers<never>().promise;
      },
      { max: 5 },
    );
    void send(prepared("http://a.example", { timeoutMs: 2_500 }, clock));
    clock.advance(60_000);
    expect(left).toEqual([2_500, 1_500, 500]);
  });

  test("gives up a head that comes in the same moment as the first", async () => {
    const cancelled: unknown[] = [];
    const attempts: PromiseWithResolvers<never>[] = [];
    const { clock, send } = hedgingOn(() => {
      const attempt = Promise.withResolvers<never>();
      attempts.push(attempt);
      return attempt.promise;
    });
    const outcome = send(prepared("http://a.example"));
    clock.advance(1_000);
    const head = (name: string) => ({
      name,
      cancel: (reason: unknown) => cancelled.push([name, reason]),
    });
    attempts[1]?.resolve(head("second") as never);
    attempts[0]?.resolve(head("first") as never);
    expect(await outcome).toMatchObject({ name: "second" });
    await new Promise(setImmediate);
    expect(cancelled).toEqual([["first", expect.any(Error)]]);
    expect(streamErrors.is((cancelled[0] as unknown[])[1], "KING_STREAM_CLOSED")).toBe(true);
  });
});

test("options of hedges that make no sense are refused when the policy is made", () => {
  for (const options of [{}, { delayMs: 0 }, { delayMs: 1, max: 0 }, { delayMs: 1, extra: 1 }]) {
    expect(() => hedgePolicy(options as HedgeOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID" }),
    );
  }
});
