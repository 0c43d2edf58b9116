import { headerView, KingError, seededRandom } from "@king-runtime/core";
import { makeCertificates, testClock } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExchangeOptions } from "../../../src/client/exchange-options.ts";
import { type RetryOptions, retrying, retryPolicy } from "../../../src/client/policies/retry.ts";
import { retryAfterMs } from "../../../src/client/policies/retry-after.ts";
import { funding, RetryBudget } from "../../../src/client/policies/retry-budget.ts";
import { timeLeftMs } from "../../../src/client/policies/time-left.ts";
import { abortedError, timeoutError } from "../../../src/client/request-error.ts";
import type { Send } from "../../../src/client/send.ts";
import { netErrors } from "../../../src/net-errors.ts";
import {
  type Answer,
  deadOrigin,
  leapingClock,
  plainClient,
  prepared,
  type SeenRequest,
  watchedServer,
} from "./policy-harness.ts";

const certificates = await makeCertificates();

/** A policy around `send`, on a clock that leaps. */
function retryingOn(send: Send, options: RetryOptions = {}, seed = 1) {
  const clock = leapingClock();
  const policy = retryPolicy(options);
  const budget = new RetryBudget(policy);
  const facilities = { clock, random: seededRandom(seed), budget };
  return { clock, budget, send: funding(retrying(send, policy, facilities), budget) };
}

/** Answers `statuses` one after the other, then 200. */
const inTurn =
  (...statuses: number[]): Answer =>
  (response, _, count) =>
    response.writeHead(statuses[count - 1] ?? 200).end(`answer ${count}`);

interface Asked {
  readonly status?: number;
  readonly text?: string;
  readonly error?: unknown;
  readonly connections?: number;
  readonly seen: readonly SeenRequest[];
  readonly waits: readonly number[];
  readonly retries: number;
  readonly refusedByBudget: number;
}

/** Makes one request of `answer` with retries. */
async function ask(
  answer: Answer,
  options: ExchangeOptions = {},
  retry: RetryOptions = {},
): Promise<Asked> {
  await using server = await watchedServer(answer);
  await using inner = plainClient();
  const { send, clock, budget } = retryingOn(inner.send, retry);
  const { seen } = server;
  const { waits } = clock;
  try {
    const response = await send(prepared(`${server.origin}/`, options, clock));
    const text = await response.text();
    const { connections } = server;
    const { status } = response;
    return { status, text, seen, waits, connections, ...budget.stats() };
  } catch (error) {
    return { error, seen, waits, ...budget.stats() };
  }
}

/** Makes one request whose every attempt fails with `error`, and tells how many there were. */
async function attemptsOn(error: unknown, options: ExchangeOptions = {}): Promise<number> {
  let attempts = 0;
  const { send } = retryingOn(() => {
    attempts++;
    return Promise.reject(error);
  });
  const outcome = await send(prepared("http://a.example/", options)).catch((each: unknown) => each);
  expect(outcome).toBe(error);
  return attempts;
}

describe("a request is sent again", () => {
  test("after a status that is worth it, until another comes", async () => {
    for (const status of [429, 502, 503, 504]) {
      const { status: last, text, retries } = await ask(inTurn(status, status));
      expect([last, text, retries]).toEqual([200, "answer 3", 2]);
    }
  });

  test("on the connection that the failed attempt leaves behind", async () => {
    expect(await ask(inTurn(503, 503))).toMatchObject({ status: 200, connections: 1 });
  });

  test("while the response before, large or slow, is given up", async () => {
    for (const length of [{}, { "content-length": "1000000" }]) {
      const abandoned = await (async () => {
        await using server = await watchedServer((response, _, count) => {
          if (count > 1) return response.end("whole");
          return response.writeHead(503, length).write(Buffer.alloc(100_000));
        });
        await using inner = plainClient();
        const { send } = retryingOn(inner.send);
        expect(await (await send(prepared(`${server.origin}/`))).text()).toBe("whole");
        return await server.abandoned.take(1);
      })();
      expect(abandoned).toHaveLength(1);
    }
  });

  test("at most `attempts` times, and the last response is the outcome as it is", async () => {
    const { status, text, seen } = await ask(inTurn(503, 503, 503, 503));
    expect([status, text, seen.length]).toEqual([503, "answer 3", 3]);
    const once = await ask(inTurn(503), {}, { attempts: 1 });
    expect([once.status, once.text, once.seen.length]).toEqual([503, "answer 1", 1]);
  });

  test("with its body and fields as before", async () => {
    const chunks = async function* () {
      yield Buffer.from("from a function");
    };
    for (const body of ["text", Buffer.from("bytes"), chunks]) {
      const options = { method: "PUT", body, headers: { "x-own": "1" } };
      const { seen } = await ask(inTurn(503), options);
      expect(seen).toHaveLength(2);
      expect(seen[1]?.body).toBe(seen[0]?.body);
      expect([seen[1]?.body === "", seen[1]?.headers["x-own"]]).toEqual([false, "1"]);
    }
  });

  test("only if it may be done twice, and only with a body that is still there", async () => {
    const chunks = async function* () {
      yield Buffer.from("once");
    };
    for (const [options, attempts] of [
      [{ method: "POST", body: "x" }, 1],
      [{ method: "PATCH", body: "x" }, 1],
      [{ method: "POST", body: "x", idempotent: true }, 2],
      [{ idempotent: false }, 1],
      [{ method: "PUT", body: chunks() }, 1],
      [{ method: "DELETE" }, 2],
    ] as const) {
      expect([options, (await ask(inTurn(503), options)).seen.length]).toEqual([options, attempts]);
    }
  });

  test("not after other statuses, unless they are asked for", async () => {
    for (const status of [400, 404, 408, 425, 500, 501, 505]) {
      expect(await ask(inTurn(status))).toMatchObject({ status, retries: 0 });
    }
    const asked = await ask(inTurn(408, 500), {}, { statuses: [408, 500] });
    expect([asked.status, asked.seen.length]).toEqual([200, 3]);
    expect(await ask(inTurn(503), {}, { statuses: [] })).toMatchObject({ status: 503 });
  });

  test("when the connection breaks before the head", async () => {
    const broken = await ask((response, _, count) =>
      count < 3 ? response.socket?.destroy() : response.end("whole"),
    );
    expect([broken.text, broken.seen.length]).toEqual(["whole", 3]);
    const post = await ask((response) => response.socket?.destroy(), { method: "POST", body: "x" });
    expect([(post.error as KingError).code, post.seen.length]).toEqual(["KING_HTTP_ABORTED", 1]);
  });

  test("when the head does not come in time", async () => {
    const late = await ask((response, _, count) => count === 2 && response.end("in time"), {
      headersTimeoutMs: 50,
    });
    expect([late.text, late.seen.length]).toEqual(["in time", 2]);
  });

  test("whatever its method when it was never sent", async () => {
    await using inner = plainClient();
    const dead = await deadOrigin();
    const { send, budget } = retryingOn(inner.send);
    const outcome = await send(prepared(dead, { method: "POST", body: "x" })).catch((e) => e);
    expect(outcome).toMatchObject({ code: "KING_NET_CONNECT" });
    expect(budget.stats().retries).toBe(2);
  });

  test("as the error says what may have been done, and what is of use", async () => {
    const request = prepared("http://a.example/");
    const host = "a.example";
    const net = netErrors.create;
    const proxy = (status?: number) =>
      net("KING_NET_PROXY", "", { proxy: "p", ...(status === undefined ? {} : { status }) });
    const handshake = (code: string | undefined) => {
      const cause = code === undefined ? undefined : Object.assign(new Error(code), { code });
      return net("KING_NET_TLS", "", { reason: "handshake" }, cause === undefined ? {} : { cause });
    };
    for (const [error, get, post] of [
      [abortedError(request, false), 3, 3],
      [abortedError(request, true), 3, 1],
      [net("KING_NET_RESOLVE", "", { host }), 3, 3],
      [net("KING_NET_CONNECT", "", { host, port: 1, attempts: [] }), 3, 3],
      [net("KING_NET_TIMEOUT", "", { phase: "tls", timeoutMs: 1 }), 3, 3],
      [proxy(), 3, 3],
      [proxy(502), 3, 3],
      [proxy(407), 1, 1],
      [timeoutError(request, "headers", 1), 3, 1],
      [timeoutError(request, "write", 1), 3, 1],
      [timeoutError(request, "total", 1), 1, 1],
      [timeoutError(request, "queue", 1), 1, 1],
      [net("KING_NET_TLS", "", { reason: "expired" }), 1, 1],
      [handshake("ECONNRESET"), 3, 3],
      [handshake("EPIPE"), 3, 3],
      [handshake(undefined), 3, 3],
      [handshake("ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE"), 1, 1],
      [handshake("ERR_SSL_WRONG_VERSION_NUMBER"), 1, 1],
      [net("KING_NET_FORBIDDEN", "", { host }), 1, 1],
      [new KingError("", { code: "KING_X", category: "limit", retryable: true }), 1, 1],
      [new KingError("", { code: "KING_X", category: "network" }), 1, 1],
      [new TypeError("a bug"), 1, 1],
    ] as const) {
      const label = KingError.is(error) ? JSON.stringify(error) : error.name;
      expect([label, await attemptsOn(error)]).toEqual([label, get]);
      const options = { method: "POST", body: "x" };
      expect([label, await attemptsOn(error, options)]).toEqual([label, post]);
    }
  });

  test("not when the certificate is refused", async () => {
    await using server = await watchedServer(inTurn(), certificates.expired);
    await using inner = plainClient({ tls: { ca: certificates.ca } });
    const { send } = retryingOn(inner.send);
    const outcome = await send(prepared(server.origin)).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: "KING_NET_TLS" });
    expect(server.connections).toBe(1);
  });
});

describe("the wait", () => {
  const failing: Send = (request) => Promise.reject(abortedError(request, true));

  test("is at random between nothing and twice as much each time, up to the most", async () => {
    const options = { attempts: 8, baseDelayMs: 100, maxDelayMs: 1_000, maxReserve: 10_000 };
    const longest = [100, 200, 400, 800, 1_000, 1_000, 1_000];
    const { send, clock } = retryingOn(failing, options, 7);
    const rounds = 300;
    for (let round = 0; round < rounds; round++) {
      await send(prepared("http://a.example/")).catch(() => undefined);
    }
    expect(clock.waits).toHaveLength(rounds * longest.length);
    longest.forEach((most, nth) => {
      const waits = clock.waits.filter((_, at) => at % longest.length === nth);
      expect(Math.max(...waits)).toBeLessThan(most);
      // Of 300 even draws, one is in each outer tenth but for a chance of 1e-13.
      expect(Math.max(...waits)).toBeGreaterThan(most * 0.9);
      expect(Math.min(...waits)).toBeLessThan(most * 0.1);
      const mean = waits.reduce((sum, each) => sum + each, 0) / rounds;
      expect(Math.abs(mean / most - 0.5)).toBeLessThan(0.1);
    });
  });

  test("is the same again from the same seed", async () => {
    const waitsOf = async (seed: number) => {
      const { send, clock } = retryingOn(failing, { attempts: 4 }, seed);
      await send(prepared("http://a.example/")).catch(() => undefined);
      return clock.waits;
    };
    expect(await waitsOf(3)).toEqual(await waitsOf(3));
    expect(await waitsOf(3)).not.toEqual(await waitsOf(4));
  });

  test("is at least what Retry-After asks for, in seconds or as a date", async () => {
    const asking =
      (value: string): Answer =>
      (response, _, count) =>
        response.writeHead(count === 1 ? 503 : 200, { "retry-after": value }).end();
    expect((await ask(asking("7"))).waits).toEqual([7_000]);
    expect((await ask(asking("Thu, 01 Jan 2026 00:00:09 GMT"))).waits).toEqual([9_000]);
    for (const none of ["0", "soon", "Wed, 31 Dec 2025 23:00:00 GMT"]) {
      const { waits } = await ask(asking(none));
      expect([waits.length, (waits[0] as number) > 0, (waits[0] as number) < 100]).toEqual([
        1,
        true,
        true,
      ]);
    }
  });

  test("is none where Retry-After asks for more than maxRetryAfterMs: the response comes at once", async () => {
    const answer: Answer = (response) =>
      response.writeHead(503, { "retry-after": "61" }).end("later");
    expect(await ask(answer)).toMatchObject({ status: 503, text: "later", retries: 0, waits: [] });
    const patient = await ask(answer, {}, { maxRetryAfterMs: 61_000, attempts: 2 });
    expect([patient.waits, patient.seen.length]).toEqual([[61_000], 2]);
  });

  test("is not begun when it would end after timeoutMs", async () => {
    const answer: Answer = (response) =>
      response.writeHead(503, { "retry-after": "7" }).end("later");
    const hurried = await ask(answer, { timeoutMs: 7_000 });
    expect([hurried.status, hurried.text, hurried.waits]).toEqual([503, "later", []]);
    const patient = await ask(answer, { timeoutMs: 15_000 }, { attempts: 5 });
    expect([patient.waits, patient.seen.length]).toEqual([[7_000, 7_000], 3]);
  });

  test("leaves each attempt only the time that is left of timeoutMs", async () => {
    const left: number[] = [];
    const { send, clock } = retryingOn(
      (request) => {
        left.push(timeLeftMs(request));
        return Promise.reject(
          new KingError("", {
            code: "KING_X",
            category: "network",
            retryable: true,
            retryAfterMs: 3_000,
          }),
        );
      },
      { attempts: 10 },
    );
    await send(prepared("http://a.example/", { timeoutMs: 10_000 }, clock)).catch(() => undefined);
    expect(left).toEqual([10_000, 7_000, 4_000, 1_000]);
  });

  test("ends with the caller's signal, at once and with its reason", async () => {
    await using server = await watchedServer(inTurn(503));
    await using inner = plainClient();
    const clock = testClock();
    const policy = retryPolicy();
    const budget = new RetryBudget(policy);
    const send = retrying(inner.send, policy, { clock, random: seededRandom(1), budget });
    const controller = new AbortController();
    const outcome = send(prepared(server.origin, { signal: controller.signal }));
    const waiting = Promise.withResolvers<void>();
    const after = clock.after;
    clock.after = (...args) => {
      waiting.resolve();
      return after(...args);
    };
    await waiting.promise;
    controller.abort("enough");
    await expect(outcome).rejects.toBe("enough");
    expect([clock.pendingTimers, server.seen.length]).toEqual([0, 1]);
  });

  test("does not begin after the caller's signal", async () => {
    const controller = new AbortController();
    let attempts = 0;
    const { send } = retryingOn((request) => {
      attempts++;
      controller.abort("enough");
      return Promise.reject(abortedError(request, true));
    });
    const request = prepared("http://a.example/", { signal: controller.signal });
    await expect(send(request)).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
    expect(attempts).toBe(1);
  });
});

describe("the budget", () => {
  test("keeps retries to a fifth of the traffic and the reserve, on the wire", async () => {
    await using server = await watchedServer((response) => response.writeHead(503).end());
    await using inner = plainClient();
    const { send, budget } = retryingOn(inner.send);
    const requests = 1_000;
    for (let round = 0; round < requests / 50; round++) {
      const outcomes = Array.from({ length: 50 }, async () => {
        await (await send(prepared(`${server.origin}/`))).bytes();
      });
      await Promise.all(outcomes);
    }
    const { retries, refusedByBudget } = budget.stats();
    expect(server.seen).toHaveLength(requests + retries);
    expect(retries).toBeLessThanOrEqual(requests * 0.2 + 10);
    expect(retries).toBeGreaterThanOrEqual(requests * 0.2 - 1);
    // Each request ends with a retry that was refused, unless it had all its attempts.
    expect(refusedByBudget).toBeGreaterThanOrEqual(requests - retries);
  });

  test("never grants more than its share and its reserve, whatever comes in which order", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 20 }),
        fc.array(fc.boolean(), { maxLength: 500 }),
        (share, maxReserve, events) => {
          const budget = new RetryBudget({ budget: share, maxReserve });
          let requests = 0;
          let granted = 0;
          for (const isRequest of events) {
            if (isRequest) {
              requests++;
              budget.deposit();
            } else if (budget.take()) granted++;
            expect(granted).toBeLessThanOrEqual(requests * share + maxReserve + 1e-3);
          }
          expect(budget.stats().retries).toBe(granted);
        },
      ),
    );
  });

  test("keeps no more than its reserve for later", () => {
    const budget = new RetryBudget({ budget: 0.2, maxReserve: 3 });
    for (let at = 0; at < 1_000; at++) budget.deposit();
    expect([1, 2, 3, 4].map(() => budget.take())).toEqual([true, true, true, false]);
    for (let at = 0; at < 5; at++) budget.deposit();
    expect([budget.take(), budget.take()]).toEqual([true, false]);
    expect(budget.stats()).toEqual({ retries: 4, refusedByBudget: 2 });
  });

  test("refuses all where it is nothing", async () => {
    const outcome = await ask(inTurn(503), {}, { budget: 0, maxReserve: 0 });
    expect(outcome).toMatchObject({ status: 503, retries: 0, refusedByBudget: 1 });
  });
});

test("Retry-After is seconds or a date, once, and nothing else", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const read = (...lines: string[]) =>
    retryAfterMs(headerView(lines.flatMap((line) => ["Retry-After", line])), nowMs);
  expect([read(), read("120"), read("0"), read("007")]).toEqual([undefined, 120_000, 0, 7_000]);
  expect(read("Thu, 01 Jan 2026 00:01:00 GMT")).toBe(60_000);
  expect(read("Thursday, 01-Jan-26 00:01:00 GMT")).toBe(60_000);
  expect(read("Wed, 31 Dec 2025 00:00:00 GMT")).toBe(0);
  for (const wrong of ["-1", "1.5", "1s", "", "+1", "0x10", "1e3", "tomorrow"]) {
    expect([wrong, read(wrong)]).toEqual([wrong, undefined]);
  }
  expect(read("1", "2")).toBeUndefined();
});

test("options of retries that make no sense are refused when the policy is made", () => {
  for (const options of [
    { attempts: 0 },
    { budget: 1.1 },
    { budget: "0.2" },
    { statuses: [200] },
    { statuses: 503 },
    { maxReserve: -1 },
    { baseDelayMs: -1 },
    { delay: 5 },
  ]) {
    expect(() => retryPolicy(options as RetryOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID" }),
    );
  }
});
