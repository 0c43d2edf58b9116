import { fork } from "node:child_process";
import { once } from "node:events";
import { childEnvironment } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { chaosServer } from "./chaos-server.ts";
import type { ClientSample } from "./client-process.ts";

/** How long to go on, at least for eight rounds; ten minutes are 600000. */
const soakMs = Number(process.env["KING_SOAK_MS"] ?? 0);
const seed = Number(process.env["KING_SOAK_SEED"] ?? Date.now() % 1_000_000);
const visitsPerRound = 300;

test(`a client of a server that does everything wrong stays right, and keeps nothing (KING_SOAK_SEED=${seed})`, {
  timeout: soakMs + 120_000,
}, async () => {
  await using server = await chaosServer();
  const client = fork(new URL("client-process.ts", import.meta.url), [server.url, String(seed)], {
    execArgv: ["--conditions=king-source", "--expose-gc"],
    env: childEnvironment(),
  });
  try {
    await once(client, "message");
    const samples: ClientSample[] = [];
    const until = performance.now() + soakMs;
    while (samples.length < 8 || performance.now() < until) {
      client.send(visitsPerRound);
      samples.push((await once(client, "message"))[0]);
    }
    const sum = (of: (sample: ClientSample) => number) =>
      samples.reduce((total, each) => total + of(each), 0);
    const half = Math.ceil(samples.length / 2);
    const median = (of: readonly ClientSample[]) =>
      of.map(({ heapBytes }) => heapBytes).toSorted((a, b) => a - b)[of.length >> 1] as number;
    const [early, late] = [median(samples.slice(2, half + 1)), median(samples.slice(half))];
    console.log(
      `client soak: ${samples.length} rounds of ${visitsPerRound}, ${sum(({ whole }) => whole)} whole, ` +
        `${sum(({ failed }) => failed)} failed, ${server.connections} connections, ` +
        `heap ${Math.round(early / 1_000)} kB then ${Math.round(late / 1_000)} kB`,
    );
    expect(samples.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(sum(({ whole }) => whole)).toBeGreaterThan(samples.length * visitsPerRound * 0.2);
    expect(sum(({ failed }) => failed)).toBeGreaterThan(samples.length * visitsPerRound * 0.2);
    const last = samples.at(-1) as ClientSample;
    expect([last.sessionsActive, last.requestsWaiting, last.handles]).toEqual([0, 0, 0]);
    expect(late).toBeLessThan(early * 1.05 + 300_000);
  } finally {
    client.disconnect();
    await once(client, "exit");
  }
});
