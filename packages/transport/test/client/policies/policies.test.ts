import { seededRandom } from "@king-runtime/core";
import { describe, expect, test } from "vitest";
import type { ExchangeOptions } from "../../../src/client/exchange-options.ts";
import {
  type ExchangePolicyOptions,
  Policies,
  type PolicyOptions,
} from "../../../src/client/policies/policies.ts";
import type { Send } from "../../../src/client/send.ts";
import {
  deadOrigin,
  leapingClock,
  plainClient,
  prepared,
  watchedServer,
} from "./policy-harness.ts";

const policiesOn = (send: Send, options: PolicyOptions) => {
  const clock = leapingClock();
  return { clock, policies: new Policies(options, send, { clock, random: seededRandom(1) }) };
};

/** `/302` leads to `/`, `/503` fails, and so does `/flaky` on its first time. */
const server = () =>
  watchedServer((response, { url }, count) => {
    if (url === "/302") response.writeHead(302, { location: "/" }).end();
    else if (url === "/503" || (url === "/flaky" && count === 1)) response.writeHead(503).end();
    else response.end("fine");
  });

async function statusOf(
  policies: Policies,
  url: string,
  own?: ExchangePolicyOptions,
  options?: ExchangeOptions,
): Promise<number> {
  const response = await policies.send(prepared(url, options), own);
  await response.bytes();
  return response.status;
}

describe("the policies of a client", () => {
  test("do nothing unless they are asked for", async () => {
    await using place = await server();
    await using inner = plainClient();
    for (const options of [
      {},
      { redirects: false, retry: false, hedge: false, circuitBreaker: false },
    ]) {
      const { policies } = policiesOn(inner.send, options as PolicyOptions);
      expect(await statusOf(policies, `${place.origin}/302`)).toBe(302);
      for (let at = 0; at < 10; at++) {
        expect(await statusOf(policies, `${place.origin}/503`)).toBe(503);
      }
      expect(policies.circuit(place.origin)).toBe("closed");
      expect(policies.stats()).toEqual({ retries: 0, refusedByBudget: 0 });
    }
    expect(place.seen).toHaveLength(22);
  });

  test("are off for a request that says so, and redirects can be on for one alone", async () => {
    await using place = await server();
    await using inner = plainClient();
    const { policies } = policiesOn(inner.send, { redirects: 5, retry: true });
    expect(await statusOf(policies, `${place.origin}/302`)).toBe(200);
    expect(await statusOf(policies, `${place.origin}/302`, { redirects: false })).toBe(302);
    await expect(statusOf(policies, `${place.origin}/302`, { redirects: 0 })).rejects.toMatchObject(
      {
        code: "KING_HTTP_REDIRECT",
      },
    );
    const from = place.seen.length;
    expect(await statusOf(policies, `${place.origin}/503`, { retry: false })).toBe(503);
    expect(place.seen.length - from).toBe(1);
    const { policies: none } = policiesOn(inner.send, {});
    expect(await statusOf(none, `${place.origin}/302`, { redirects: 1 })).toBe(200);
    for (const own of [
      { redirects: true },
      { redirects: 1.5 },
      { retry: 3 },
      { retry: true },
      { hedge: true },
      { hedge: 5 },
    ]) {
      expect(() => none.send(prepared(place.origin), own as ExchangePolicyOptions)).toThrow(
        expect.objectContaining({ code: "KING_OPTION_INVALID" }),
      );
    }
  });

  test("keep the client's secrets for a request that counts its redirects itself", async () => {
    await using other = await watchedServer((response) => response.end());
    await using place = await watchedServer((response) =>
      response.writeHead(302, { location: `${other.origin}/` }).end(),
    );
    await using inner = plainClient();
    const { policies } = policiesOn(inner.send, { redirects: { secretHeaders: ["x-key"] } });
    const headers = { "x-key": "secret", accept: "a/b" };
    await statusOf(policies, place.origin, { redirects: 2 }, { headers });
    expect(other.seen[0]?.headers).toMatchObject({ accept: "a/b" });
    expect(other.seen[0]?.headers).not.toHaveProperty("x-key");
  });

  test("retry each hop of a redirect, and each attempt counts for the circuit", async () => {
    await using place = await watchedServer((response, { url }, count) => {
      if (url === "/302") response.writeHead(302, { location: "/flaky" }).end();
      else response.writeHead(count < 4 ? 503 : 200).end();
    });
    await using inner = plainClient();
    const { policies } = policiesOn(inner.send, { redirects: 5, retry: true });
    expect(await statusOf(policies, `${place.origin}/302`)).toBe(200);
    expect(place.seen.map(({ url }) => url)).toEqual(["/302", "/flaky", "/flaky", "/flaky"]);
    const dead = await deadOrigin();
    const { policies: guarded } = policiesOn(inner.send, {
      retry: { attempts: 10 },
      circuitBreaker: { failures: 4 },
    });
    await expect(statusOf(guarded, dead)).rejects.toMatchObject({ code: "KING_HTTP_CIRCUIT_OPEN" });
    expect([guarded.circuit(dead), guarded.stats().retries]).toEqual(["open", 4]);
  });

  test("pay for hedges and retries from one budget, into which every request pays", async () => {
    const { policies, clock } = policiesOn(
      async (request) => {
        // Slower than the delay of a hedge, by the clock of the policies.
        await new Promise<void>((resolve) => void clock.after(10, resolve));
        await new Promise<void>((resolve) => void clock.after(10, resolve));
        return {
          status: 503,
          headers: { get: () => undefined, getAll: () => [] },
          isOver: true,
          request,
          cancel: () => undefined,
        } as never;
      },
      { hedge: { delayMs: 1 }, retry: { budget: 0.5, maxReserve: 2 } },
    );
    const requests = 100;
    for (let at = 0; at < requests; at++) await policies.send(prepared("http://a.example"));
    const { retries } = policies.stats();
    expect(retries).toBeLessThanOrEqual(requests / 2 + 2);
    expect(retries).toBeGreaterThanOrEqual(requests / 2 - 1);
  });

  test("are refused with options that make no sense", () => {
    for (const options of [
      { redirects: true },
      { redirects: -1 },
      { redirects: { most: 1 } },
      { retry: 3 },
      { retry: { attempt: 1 } },
      { hedge: true },
      { hedge: {} },
      { circuitBreaker: "on" },
    ]) {
      expect(() => policiesOn(() => Promise.reject(), options as PolicyOptions)).toThrow(
        expect.objectContaining({ code: "KING_OPTION_INVALID" }),
      );
    }
  });
});
