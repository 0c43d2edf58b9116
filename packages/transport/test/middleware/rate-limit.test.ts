import { testClock } from "@king-runtime/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromFetch } from "../../src/fetch/from-fetch.ts";
import { listenHttp } from "../../src/listen-http.ts";
import { clientKey } from "../../src/middleware/client-key.ts";
import { type RateLimitOptions, rateLimit } from "../../src/middleware/index.ts";
import { TokenBuckets } from "../../src/middleware/token-buckets.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 500);

function limited(options: Partial<RateLimitOptions> = {}) {
  const clock = testClock();
  const key = (request: Request) => request.headers.get("x-key") ?? undefined;
  const handler = rateLimit({ limit: 3, windowMs: 3_000, key, clock, ...options })(
    () => new Response("served"),
  );
  const ask = async (client = "a") => {
    const headers = client === "" ? {} : { "x-key": client };
    const { status, headers: fields } = await handler(new Request("http://a/", { headers }));
    return { status, fields };
  };
  return { clock, ask };
}

describe("rateLimit", () => {
  test("serves a burst, then refuses and says when to come back", async () => {
    const { clock, ask } = limited();
    for (const left of [2, 1, 0]) {
      const { status, fields } = await ask();
      expect([status, fields.get("ratelimit"), fields.get("ratelimit-policy")]).toEqual([
        200,
        `"default";r=${left};t=1`,
        '"default";q=3;w=3',
      ]);
    }
    const refused = await ask();
    expect([refused.status, refused.fields.get("retry-after")]).toEqual([429, "1"]);
    expect(refused.fields.get("ratelimit")).toBe('"default";r=0;t=1');
    clock.advance(999);
    expect((await ask()).status).toBe(429);
    clock.advance(1);
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
    clock.advance(60_000);
    for (const status of [200, 200, 200, 429]) expect((await ask()).status).toBe(status);
  });

  test("limits each client by itself, and none without a key", async () => {
    const { ask } = limited({ limit: 1 });
    for (const client of ["a", "b", "", ""]) expect((await ask(client)).status).toBe(200);
    for (const client of ["a", "b"]) expect((await ask(client)).status).toBe(429);
    expect((await ask("")).fields.has("ratelimit")).toBe(false);
  });

  test("does not give a client a new bucket for the crowd it brings", async () => {
    const { ask } = limited({ limit: 2, maxKeys: 5 });
    await ask("attacker");
    await ask("attacker");
    expect((await ask("attacker")).status).toBe(429);
    let served = 0;
    for (let at = 0; at < 1_000; at++) if ((await ask(`crowd ${at}`)).status === 200) served++;
    expect((await ask("attacker")).status).toBe(429);
    expect(served).toBe(8); // what the four other buckets hold
  });

  test("gives two clients that take turns in a full table no more than one of them may have", async () => {
    const { ask } = limited({ limit: 5, maxKeys: 100 });
    for (let at = 0; at < 100; at++) for (const _ of "ab") await ask(`filler ${at}`);
    const served = { victim: 0, other: 0 };
    for (let at = 0; at < 1_000; at++) {
      for (const client of ["victim", "other"] as const) {
        if ((await ask(client)).status === 200) served[client]++;
      }
    }
    expect(served.victim).toBeLessThanOrEqual(5);
    expect(served.other).toBeLessThanOrEqual(5);
  });

  test("knows clients by their address, by way of fromFetch", async () => {
    const handler = rateLimit({ limit: 2 })(() => new Response("served"));
    await using listener = await listenHttp({ handler: fromFetch(handler) });
    const url = `http://127.0.0.1:${listener.local.port}/`;
    const statuses: number[] = [];
    for (let at = 0; at < 3; at++) {
      const response = await fetch(url, { headers: { "x-forwarded-for": String(at) } });
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    listener.abort();
  });

  test("fails where there is no address and no key, rather than to serve", async () => {
    const handler = rateLimit({ limit: 1 })(() => new Response("served"));
    await expect(handler(new Request("http://a/"))).rejects.toThrow(/context of fromFetch/);
  });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:c000:0201", "192.0.2.1"],
    ["::ffff:192.0.2.1%eth0", "192.0.2.1"],
    ["::fffe:c000:201", "0:0:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2:ffff::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ])("takes %s for %s", (address, expected) => {
    const context = { exchange: { session: { remote: { address, port: 1 } } } };
    expect(clientKey(new Request("http://a/"), context)).toBe(expected);
  });

  test.each<[string, object]>([
    ["limit", {}],
    ["limit", { limit: 0 }],
    ["windowMs", { limit: 1, windowMs: 0 }],
    ["maxKeys", { limit: 1, maxKeys: 0 }],
    ["key", { limit: 1, key: "ip" }],
    ["max", { limit: 1, max: 1 }],
  ])("refuses %s of %j", (option, options) => {
    expect(() => rateLimit(options as RateLimitOptions)).toThrow(
      expect.objectContaining({ code: "KING_OPTION_INVALID", details: { option } }),
    );
  });
});

test("buckets that were used are kept, and newcomers make place for each other, in one bucket", () => {
  const buckets = new TokenBuckets({ limit: 4, windowMs: 1_000_000, maxKeys: 16 });
  const regulars = Array.from({ length: 15 }, (_, at) => `regular ${at}`);
  for (const key of regulars) for (let taken = 0; taken < 4; taken++) buckets.take(key, 0);
  for (let at = 0; at < 200; at++) {
    expect(buckets.take(`newcomer ${at}`, at).taken).toBe(at < 4);
  }
  for (const key of regulars) expect(buckets.take(key, 200).taken).toBe(false);
});

test("buckets do what a table would that is searched from end to end", () => {
  const waitMs = fc.oneof(fc.nat(20), fc.nat(700));
  const key = fc.oneof({ weight: 4, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.nat(12) });
  const step = fc.record({ key, waitMs });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const options = { limit: 4, windowMs: 1_000, maxKeys: 6 };
      const buckets = new TokenBuckets(options);
      const fullAt = new Map<string, number>();
      let now = 0;
      for (const { key: number, waitMs } of steps) {
        const key = String(number);
        // Odd times, so that no two buckets are equally full.
        now += waitMs + number / 10 + 0.01;
        if (!fullAt.has(key) && fullAt.size === options.maxKeys) {
          const [fullest] = [...fullAt].sort(([, a], [, b]) => a - b)[0] as [string, number];
          fullAt.set(key, Math.max(now, fullAt.get(fullest) as number));
          fullAt.delete(fullest);
        }
        const from = Math.max(fullAt.get(key) ?? now, now);
        const taken = from + 250 - now <= 1_000.0001;
        fullAt.set(key, taken ? from + 250 : from);
        expect(buckets.take(key, now).taken).toBe(taken);
        expect(buckets.size).toBe(fullAt.size);
      }
    }),
    { numRuns },
  );
});

test("whatever keys come, in whatever order, each is granted its limit and what a window refills, no more", () => {
  const step = fc.record({ key: fc.nat(7), waitMs: fc.oneof(fc.constant(0), fc.nat(40)) });
  const perTokenMs = 250;
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: 1, max: 8 }),
      (steps, max) => {
        const buckets = new TokenBuckets({ limit: 4, windowMs: 4 * perTokenMs, maxKeys: max });
        const granted = new Map<number, number[]>();
        let now = 0;
        for (const { key, waitMs } of steps) {
          now += waitMs;
          if (!buckets.take(String(key), now).taken) continue;
          const times = granted.get(key) ?? [];
          times.push(now);
          granted.set(key, times);
          for (const [at, since] of times.entries()) {
            expect(times.length - at).toBeLessThanOrEqual(4 + (now - since) / perTokenMs + 1e-6);
          }
        }
      },
    ),
    { numRuns },
  );
});
