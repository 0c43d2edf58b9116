// Asks a server of `client-process.ts <url> <seed>` for everything it does, round after round, over IPC.
import { KingError, seededRandom } from "@king-runtime/core";
import { createHttpClient } from "@king-runtime/transport";
import { paths, wholeText } from "./chaos-server.ts";

const [url = "", seed = "0"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;

const client = createHttpClient({
  random,
  maxSessionsPerOrigin: 8,
  keepAliveTimeoutMs: 100,
  headersTimeoutMs: 50,
  bodyIdleTimeoutMs: 50,
  redirects: 3,
  retry: { baseDelayMs: 1, maxDelayMs: 5 },
  hedge: { delayMs: 20 },
});

/** What a round came to. */
export interface ClientSample {
  readonly whole: number;
  readonly failed: number;
  /** What is neither a whole body nor a typed error. */
  readonly wrong: readonly string[];
  readonly heapBytes: number;
  readonly handles: number;
  readonly sessionsActive: number;
  readonly requestsWaiting: number;
}

async function visit(tally: { whole: number; failed: number; wrong: string[] }): Promise<void> {
  const path = pick(paths);
  const signal =
    random.next() < 0.1 ? AbortSignal.timeout(Math.floor(random.next() * 30)) : undefined;
  try {
    const response = await client.request(url.slice(0, -1) + path, {
      method: pick(["GET", "GET", "PUT", "POST"]),
      decompress: random.next() < 0.5,
      ...(random.next() < 0.3 ? { body: "a body" } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    if (random.next() < 0.1) return await response[Symbol.asyncDispose]();
    const text = await response.text();
    const isCoded = response.headers.has("content-encoding");
    if (response.status === 200 && !isCoded && text !== wholeText) {
      tally.wrong.push(`${path}: ${text.slice(0, 40)}`);
    }
    tally.whole++;
  } catch (error) {
    tally.failed++;
    const isOwn = signal?.aborted && error === signal.reason;
    if (!isOwn && !KingError.is(error)) tally.wrong.push(`${path}: ${String(error)}`);
  }
}

const faults: string[] = [];
process.on("unhandledRejection", (error) => faults.push(`unhandled: ${String(error)}`));
process.on("uncaughtException", (error) => faults.push(`uncaught: ${String(error)}`));

async function round(visits: number): Promise<ClientSample> {
  const tally = { whole: 0, failed: 0, wrong: [] as string[] };
  let left = visits;
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (left-- > 0) await visit(tally);
    }),
  );
  const until = performance.now() + 10_000;
  // Kept connections end by themselves, and what was discarded with them.
  while (client.stats().sessionsActive > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  globalThis.gc?.();
  const { sessionsActive, requestsWaiting } = client.stats();
  return {
    ...tally,
    wrong: [...tally.wrong, ...faults.splice(0)],
    heapBytes: process.memoryUsage().heapUsed,
    handles: process.getActiveResourcesInfo().filter((kind) => kind.includes("Socket")).length,
    sessionsActive,
    requestsWaiting,
  };
}

process.on("message", async (visits: number) => process.send?.(await round(visits)));
process.on("disconnect", () => process.exit());
process.send?.("ready");
