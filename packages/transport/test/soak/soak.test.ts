import { fork } from "node:child_process";
import { once } from "node:events";
import { childEnvironment, eventually, makeCertificates } from "@king-runtime/testkit";
import { expect, test } from "vitest";
import { clients, type SoakTarget } from "./clients.ts";
import type { SoakSample } from "./soak-sample.ts";

/** How long to go on, at least for eight rounds; ten minutes are 600000. */
const soakMs = Number(process.env["KING_SOAK_MS"] ?? 0);
const seed = Number(process.env["KING_SOAK_SEED"] ?? Date.now() % 1_000_000);
const visitsPerRound = 240;
const concurrency = 12;

/** mulberry32 */
function randomOf(state: number): () => number {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test(`a crowd of good and bad clients leaves nothing behind (KING_SOAK_SEED=${seed})`, {
  timeout: soakMs + 120_000,
}, async () => {
  const { ca, leaf } = await makeCertificates();
  const server = fork(new URL("server-process.ts", import.meta.url), [leaf.cert, leaf.key], {
    execArgv: ["--conditions=king-source", "--expose-gc"],
    env: childEnvironment(),
  });
  try {
    const [[clear, secure]] = (await once(server, "message")) as [[number, number]];
    const target: SoakTarget = { clear, secure, ca };
    const random = randomOf(seed);
    const sample = async (): Promise<SoakSample> => {
      server.send("measure");
      return (await once(server, "message"))[0];
    };
    const idleSample = () =>
      eventually(
        "a server without connections",
        async () => {
          const now = await sample();
          return now.sessions === 0 && now.exchanges === 0 && now.sockets <= idle.sockets
            ? now
            : false;
        },
        { deadlineMs: 30_000 },
      );
    const idle = await sample();
    let unexpected = 0;
    const round = async () => {
      let left = visitsPerRound;
      await Promise.all(
        Array.from({ length: concurrency }, async () => {
          while (left-- > 0) {
            const client = clients[Math.floor(random() * clients.length)] as (typeof clients)[0];
            // A client that was reset by its own reset, such as of half a TLS handshake, is no news.
            await client(target, random).catch(() => unexpected++);
          }
        }),
      );
    };
    const samples: SoakSample[] = [];
    const until = performance.now() + soakMs;
    while (samples.length < 8 || performance.now() < until) {
      await round();
      samples.push(await idleSample());
    }
    const half = Math.ceil(samples.length / 2);
    const median = (of: readonly SoakSample[]) =>
      of.map(({ heapBytes }) => heapBytes).toSorted((a, b) => a - b)[of.length >> 1] as number;
    const [early, late] = [median(samples.slice(2, half + 1)), median(samples.slice(half))];
    const last = samples.at(-1) as SoakSample;
    console.log(
      `soak: ${samples.length} rounds of ${visitsPerRound}, ${last.faults} faults, ` +
        `heap ${Math.round(early / 1_000)} kB then ${Math.round(late / 1_000)} kB, ` +
        `rss ${Math.round(last.rssBytes / 1_000_000)} MB, ${unexpected} clients failed`,
    );
    expect(last.faults).toBeGreaterThan(samples.length * 20);
    expect(unexpected).toBeLessThan((samples.length * visitsPerRound) / 50);
    expect(last.handles).toBeLessThanOrEqual(idle.handles + 1);
    expect(late).toBeLessThan(early * 1.05 + 300_000);
  } finally {
    server.disconnect();
    await once(server, "exit");
  }
});
