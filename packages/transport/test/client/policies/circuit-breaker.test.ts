import { KingError } from "@king-runtime/core";
import { recordDiagnostics, testClock } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CircuitBreaker,
  type CircuitBreakerOptions,
  type CircuitEvent,
  circuitBreakerPolicy,
} from "../../../src/client/policies/circuit-breaker.ts";
import { OutcomeWindow } from "../../../src/client/policies/outcome-window.ts";
import { abortedError, timeoutError } from "../../../src/client/request-error.ts";
import type { Send } from "../../../src/client/send.ts";
import { netErrors } from "../../../src/net-errors.ts";
import { deadOrigin, plainClient, prepared, watchedServer } from "./policy-harness.ts";

/** A breaker on a clock at rest, around `send`. */
function breakerOn(send: Send, options: CircuitBreakerOptions = {}) {
  const clock = testClock();
  const breaker = new CircuitBreaker(circuitBreakerPolicy(options), clock);
  return { clock, breaker, send: breaker.guarding(send) };
}

/** The same, with a server that is down or not as the test says, and no wire. */
function simulated(options: CircuitBreakerOptions = {}) {
  const server = { outcome: 200 as number | Error, asked: 0 };
  const { clock, breaker, send } = breakerOn(async () => {
    server.asked++;
    if (server.outcome instanceof Error) throw server.outcome;
    return { status: server.outcome } as never;
  }, options);
  const ask = async (outcome: number | Error, origin = "http://a.example") => {
    server.outcome = outcome;
    try {
      return (await send(prepared(origin))).status;
    } catch (error) {
      return KingError.is(error) ? error.code : error;
    }
  };
  const state = (origin = "http://a.example") => breaker.state(origin);
  return { clock, breaker, server, ask, state };
}

const request = prepared("http://a.example");
const open = "KING_HTTP_CIRCUIT_OPEN";

describe("a circuit", () => {
  test("opens after five failures in a row, and lets nothing onto the wire", async () => {
    await using server = await watchedServer((response) => response.writeHead(500).end());
    await using inner = plainClient();
    const { breaker, clock, send } = breakerOn(inner.send);
    for (let at = 0; at < 5; at++) {
      expect(breaker.state(server.origin)).toBe("closed");
      await (await send(prepared(server.origin))).bytes();
    }
    expect(breaker.state(server.origin)).toBe("open");
    clock.advance(4_000);
    const refused = await send(prepared(server.origin)).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: open,
      category: "unavailable",
      retryable: true,
      retryAfterMs: 6_000,
      details: { origin: server.origin },
    });
    expect(server.seen).toHaveLength(5);
  });

  test("opens for an origin where nobody listens, and for that one alone", async () => {
    await using server = await watchedServer((response) => response.end("fine"));
    await using inner = plainClient();
    const { breaker, send } = breakerOn(inner.send, { failures: 2 });
    const dead = await deadOrigin();
    const codes: unknown[] = [];
    for (let at = 0; at < 3; at++) {
      codes.push(await send(prepared(dead)).catch((error: KingError) => error.code));
    }
    expect(codes).toEqual(["KING_NET_CONNECT", "KING_NET_CONNECT", open]);
    expect([breaker.state(dead), breaker.state(server.origin)]).toEqual(["open", "closed"]);
    expect(await (await send(prepared(server.origin))).text()).toBe("fine");
  });

  test("stays closed where a success comes in between", async () => {
    const { ask, state } = simulated();
    for (let at = 0; at < 4; at++) await ask(500);
    expect([await ask(200), state()]).toEqual([200, "closed"]);
    for (let at = 0; at < 4; at++) await ask(500);
    expect(state()).toBe("closed");
    await ask(500);
    expect(state()).toBe("open");
  });

  test("opens where half of at least twenty within the window fail", async () => {
    const { ask, state } = simulated({ failures: 1_000 });
    for (let at = 0; at < 9; at++) for (const status of [500, 200]) await ask(status);
    await ask(200);
    expect(state()).toBe("closed"); // 9 of 19
    await ask(500);
    expect(state()).toBe("open"); // 10 of 20
  });

  test("counts the window alone", async () => {
    const { ask, state, clock } = simulated({ failures: 1_000 });
    for (let at = 0; at < 19; at++) await ask(500);
    clock.advance(10_000);
    await ask(500);
    expect(state()).toBe("closed");
    for (let at = 0; at < 18; at++) await ask(500);
    clock.advance(8_999);
    await ask(500);
    expect(state()).toBe("open");
  });

  test("is tried again after openMs, by one at a time, and closes with a success", async () => {
    const answers: PromiseWithResolvers<number>[] = [];
    const { breaker, clock, send } = breakerOn(
      async () => {
        const answer = Promise.withResolvers<number>();
        answers.push(answer);
        return { status: await answer.promise } as never;
      },
      { failures: 1 },
    );
    const first = send(request);
    answers[0]?.resolve(503);
    await first;
    clock.advance(9_999);
    await expect(send(request)).rejects.toMatchObject({ code: open, retryAfterMs: 1 });
    clock.advance(1);
    expect(breaker.state("http://a.example")).toBe("half-open");
    const probe = send(request);
    await expect(send(request)).rejects.toMatchObject({ code: open, retryAfterMs: 0 });
    expect(answers).toHaveLength(2);
    answers[1]?.resolve(200);
    await probe;
    expect(breaker.state("http://a.example")).toBe("closed");
  });

  test("lets as many try at a time as probes says", async () => {
    let asked = 0;
    const { clock, send } = breakerOn(
      () => {
        asked++;
        return asked === 1
          ? Promise.reject(abortedError(request, true))
          : Promise.withResolvers<never>().promise;
      },
      { failures: 1, probes: 3 },
    );
    await expect(send(request)).rejects.toThrow();
    clock.advance(10_000);
    for (let at = 0; at < 3; at++) void send(request);
    await expect(send(request)).rejects.toMatchObject({ code: open });
    expect(asked).toBe(4);
  });

  test("stays open twice as long after each probe that fails, up to the most, until one succeeds", async () => {
    const { ask, clock, server, state } = simulated({ failures: 1, maxOpenMs: 50_000 });
    await ask(500);
    for (const openMs of [10_000, 20_000, 40_000, 50_000, 50_000]) {
      clock.advance(openMs - 1);
      expect([await ask(500), state()]).toEqual([open, "open"]);
      clock.advance(1);
      expect([await ask(500), state()]).toEqual([500, "open"]);
    }
    clock.advance(50_000);
    expect([await ask(200), state()]).toEqual([200, "closed"]);
    await ask(500);
    clock.advance(10_000);
    expect(state()).toBe("half-open");
    expect(server.asked).toBe(8);
  });

  test("takes no notice of what was sent before it opened", async () => {
    const late = Promise.withResolvers<never>();
    let asked = 0;
    const { breaker, clock, send } = breakerOn(
      () => (asked++ === 0 ? late.promise : Promise.reject(abortedError(request, true))),
      { failures: 1 },
    );
    const slow = send(request);
    await expect(send(request)).rejects.toThrow();
    clock.advance(10_000);
    expect(breaker.state("http://a.example")).toBe("half-open");
    late.resolve({ status: 200 } as never);
    await slow;
    expect(breaker.state("http://a.example")).toBe("half-open");
  });

  test("stays open when one of several probes fails, whatever comes of the others then", async () => {
    const answers: PromiseWithResolvers<number>[] = [];
    const { breaker, clock, send } = breakerOn(
      async () => {
        const answer = Promise.withResolvers<number>();
        answers.push(answer);
        return { status: await answer.promise } as never;
      },
      { failures: 1, probes: 3 },
    );
    const first = send(request);
    answers[0]?.resolve(500);
    await first;
    clock.advance(10_000);
    const [failing, late] = [send(request), send(request), send(request)];
    answers[1]?.resolve(500);
    await failing;
    answers[2]?.resolve(200);
    await late;
    expect(breaker.state("http://a.example")).toBe("open");
    clock.advance(20_000);
    for (let at = 0; at < 3; at++) void send(request);
    expect(answers).toHaveLength(7); // the one that is still under way takes no place
  });

  test("forgets old failures once it has closed again", async () => {
    const { ask, clock, state } = simulated({ failures: 2, minimum: 3, windowMs: 3_600_000 });
    for (const status of [500, 500]) await ask(status);
    clock.advance(10_000);
    for (const status of [200, 500, 200]) await ask(status);
    expect(state()).toBe("closed"); // 1 of 2, not 3 of 4
  });

  test("counts neither way what the caller ends, which frees the place of the probe", async () => {
    const { breaker, clock, send } = breakerOn(
      ({ signal }) =>
        signal === undefined
          ? Promise.reject(abortedError(request, true))
          : new Promise((_, reject) => {
              signal.addEventListener("abort", () => reject(signal.reason));
            }),
      { failures: 2 },
    );
    const ended = async () => {
      const controller = new AbortController();
      const outcome = send(prepared("http://a.example", { signal: controller.signal }));
      controller.abort("enough");
      await expect(outcome).rejects.toBe("enough");
    };
    const state = () => breaker.state("http://a.example");
    for (let at = 0; at < 5; at++) await ended();
    expect(state()).toBe("closed");
    await expect(send(request)).rejects.toThrow();
    await ended(); // neither is it a success
    await expect(send(request)).rejects.toThrow();
    expect(state()).toBe("open");
    clock.advance(10_000);
    await ended();
    expect(state()).toBe("half-open");
    await expect(send(request)).rejects.toMatchObject({ code: "KING_HTTP_ABORTED" });
    expect(state()).toBe("open");
  });

  test("judges by what tells something of the origin", async () => {
    const net = netErrors.create;
    for (const [outcome, expected] of [
      [500, "open"],
      [502, "open"],
      [503, "open"],
      [599, "open"],
      [501, "closed"],
      [200, "closed"],
      [404, "closed"],
      [429, "closed"],
      [abortedError(request, true), "open"],
      [timeoutError(request, "headers", 1), "open"],
      [timeoutError(request, "queue", 1), "closed"],
      [net("KING_NET_CONNECT", "", { host: "a", port: 1, attempts: [] }), "open"],
      [net("KING_NET_TLS", "", { reason: "expired" }), "open"],
      [new KingError("", { code: "KING_X", category: "protocol" }), "open"],
      [new KingError("", { code: "KING_X", category: "limit" }), "closed"],
      [net("KING_NET_FORBIDDEN", "", { host: "a" }), "closed"],
      [new TypeError("a bug"), "closed"],
    ] as const) {
      const { ask, state } = simulated({ failures: 1 });
      await ask(outcome);
      expect([String(outcome), state()]).toEqual([String(outcome), expected]);
    }
  });

  test("tells of each change on the diagnostics channel king:transport:circuit", async () => {
    using events = recordDiagnostics<CircuitEvent>("king:transport:circuit");
    const { ask, clock } = simulated({ failures: 1 });
    const time = clock.now();
    await ask(500);
    clock.advance(10_000);
    await ask(500);
    clock.advance(20_000);
    await ask(200);
    const origin = "http://a.example";
    expect(events.values).toEqual([
      { time, origin, previous: "closed", state: "open", retryAfterMs: 10_000 },
      { time: time + 10_000, origin, previous: "open", state: "half-open" },
      { time: time + 10_000, origin, previous: "half-open", state: "open", retryAfterMs: 20_000 },
      { time: time + 30_000, origin, previous: "open", state: "half-open" },
      { time: time + 30_000, origin, previous: "half-open", state: "closed" },
    ]);
  });
});

describe("the table of circuits", () => {
  test("forgets the closed one not used for longest, and the open ones last", async () => {
    const { ask, breaker, state } = simulated({ failures: 2, maxOrigins: 3 });
    const origin = (name: string) => `http://${name}.example`;
    for (let at = 0; at < 2; at++) await ask(500, origin("down"));
    for (const name of ["b", "a"]) await ask(500, origin(name)); // one short of opening
    await ask(404, origin("x")); // b goes, and comes back for a
    await ask(500, origin("b"));
    await ask(404, origin("x"));
    await ask(500, origin("b"));
    expect([breaker.size, state(origin("b"))]).toEqual([3, "open"]);
    await ask(500, origin("a")); // x goes, closed, rather than what is open
    expect([breaker.size, state(origin("a")), state(origin("down"))]).toEqual([
      3,
      "closed",
      "open",
    ]);
  });

  test("counts a request as use of its origin", async () => {
    const { ask, state } = simulated({ failures: 3, maxOrigins: 3 });
    const origin = (name: string) => `http://${name}.example`;
    for (const name of ["a", "b", "b", "c", "a"]) await ask(500, origin(name));
    await ask(200, origin("d")); // b goes
    for (const name of ["a", "b"]) await ask(500, origin(name));
    expect(["a", "b"].map((name) => state(origin(name)))).toEqual(["open", "closed"]);
  });

  test("does not take back what it has forgotten meanwhile", async () => {
    const late = Promise.withResolvers<never>();
    const { breaker, send } = breakerOn(
      ({ origin }) =>
        origin.host === "a.example" ? late.promise : Promise.resolve({ status: 200 } as never),
      { failures: 1, maxOrigins: 1 },
    );
    const slow = send(request);
    await send(prepared("http://b.example"));
    late.reject(abortedError(request, true));
    await expect(slow).rejects.toThrow();
    expect([breaker.size, breaker.state("http://a.example")]).toEqual([1, "closed"]);
  });

  test("forgets open circuits once there are no others", async () => {
    const { ask, breaker, state } = simulated({ failures: 2, maxOrigins: 3 });
    const origin = (name: string) => `http://${name}.example`;
    for (let at = 0; at < 2; at++) await ask(500, origin("down"));
    for (const name of ["a", "b"]) await ask(500, origin(name));
    await ask(200, origin("c")); // a goes
    expect([breaker.size, state(origin("down"))]).toEqual([3, "open"]);
    await ask(500, origin("b"));
    expect(state(origin("b"))).toBe("open"); // it was remembered
    await ask(500, origin("a"));
    expect([breaker.size, state(origin("a"))]).toEqual([3, "closed"]); // it was not
    await ask(500, origin("a"));
    await ask(200, origin("d"));
    expect(breaker.size).toBe(3);
    expect(["down", "b", "a"].map((name) => state(origin(name)))).toEqual([
      "closed",
      "open",
      "open",
    ]);
  });

  test("holds a thousand origins by default, whoever asks for how many", async () => {
    const { ask, breaker } = simulated({ failures: 1 });
    for (let at = 0; at < 1_500; at++) await ask(at % 2 === 0 ? 500 : 200, `http://a${at}.example`);
    expect(breaker.size).toBe(1_000);
  });
});

test("a window counts what a list of all outcomes counts, to a tenth of it", () => {
  const step = fc.record({ waitMs: fc.integer({ min: 0, max: 400 }), failed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const window = new OutcomeWindow(1_000);
      const all: { atMs: number; failed: boolean }[] = [];
      let nowMs = 12_345;
      for (const { waitMs, failed } of steps) {
        nowMs += waitMs;
        window.add(failed, nowMs);
        all.push({ atMs: nowMs, failed });
        const sinceMs = Math.floor(nowMs / 100) * 100 - 900;
        const within = all.filter(({ atMs }) => atMs >= sinceMs);
        expect(window.counts(nowMs)).toEqual({
          total: within.length,
          failed: within.filter((each) => each.failed).length,
        });
      }
    }),
  );
});

test("options of breakers that make no sense are refused when the policy is made", () => {
  for (const options of [
    { failures: 0 },
    { rate: 1.5 },
    { openMs: 200_000 },
    { maxOpenMs: 9_999 },
    { maxOrigins: 0 },
    { probes: 0 },
    { timeout: 1 },
  ]) {
    expect(() => circuitBreakerPolicy(options as CircuitBreakerOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID" }),
    );
  }
});
