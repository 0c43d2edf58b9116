import { readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { seededRandom } from "@king-runtime/core";
import { openObjectStore } from "@king-runtime/objectstore";
import { listKeys, readBlob, startNode, temporaryFolder } from "@king-runtime/testkit";
import { describe, expect, test } from "vitest";
import { crashContent, crashKeys } from "./crash-content.ts";

const rounds = Number(process.env["KING_CRASH_ROUNDS"] ?? 10);
const seed = Number(process.env["KING_CRASH_SEED"] ?? Date.now() % 1_000_000);
const writer = fileURLToPath(new URL("./crash-writer.ts", import.meta.url));

/** What may be found under a key: what the last resolved call left, or what the next one would. */
interface Possible {
  settled: string;
  begun: string | undefined;
}

function read(output: string, before: ReadonlyMap<string, string>): Map<string, Possible> {
  const possible = new Map<string, Possible>(
    crashKeys.map((key) => [key, { settled: before.get(key) ?? "gone", begun: undefined }]),
  );
  // The last line may have been cut off; then the call it tells of had not begun, or was not over.
  for (const line of output.slice(0, output.lastIndexOf("\n") + 1).split("\n")) {
    const [what, key = "", version, size] = line.split(" ");
    const state = possible.get(key);
    if (state === undefined) continue;
    if (what === "begin") state.begun = size === "gone" ? "gone" : `${version}:${size}`;
    else if (what === "end" && state.begun !== undefined) {
      state.settled = state.begun;
      state.begun = undefined;
    }
  }
  return possible;
}

describe("a process that is killed in the middle of its work", () => {
  const kinds: readonly (readonly [
    string,
    (random: () => number) => { lastCall: number; delayMs: number },
  ])[] = [
    [
      "at one of its calls to the file system",
      (random) => ({ lastCall: 1 + Math.floor(random() * 120), delayMs: 0 }),
    ],
    ["at any moment", (random) => ({ lastCall: 0, delayMs: random() * 60 })],
  ];
  for (const [kind, choose] of kinds) {
    test(`${kind} leaves every object entirely old or entirely new, nothing temporary, and an exact count (seed ${seed}, ${rounds} rounds)`, {
      timeout: 30_000 + rounds * 5_000,
    }, async () => {
      const random = seededRandom(seed);
      await using folder = await temporaryFolder("king-crash");
      const root = folder.join("root");
      let before = new Map<string, string>();
      let leftTemporary = 0;
      for (let round = 0; round < rounds; round++) {
        const { lastCall, delayMs } = choose(random.next);
        const args = [root, String(seed + round), String(lastCall)];
        await using child = await startNode(writer, { args, ready: /^ready$/ });
        if (lastCall === 0) {
          // From its first completed call on, so that it is in full work when it is struck.
          await child.line(/^end/);
          await delay(delayMs);
          child.kill();
        }
        expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
        const possible = read(child.stdout(), before);
        leftTemporary += (await readdir(`${root}/tmp`)).length;

        await using store = await openObjectStore({ root });
        expect(await readdir(`${root}/tmp`)).toEqual([]);
        before = new Map();
        let bytes = 0;
        for (const [key, { settled, begun }] of possible) {
          const head = await store.head(key);
          const content = head && Buffer.from(await readBlob(store, key));
          const matches = [settled, begun].filter((one) => {
            if (one === undefined || one === "gone") return one === "gone" && !content;
            const [version, size] = one.split(":").map(Number) as [number, number];
            return content?.equals(crashContent(key, version, size));
          });
          const what = `${key} in round ${round}, seed ${seed}: ${head?.size} bytes; ${settled} or ${begun}`;
          expect(matches.length, what).toBeGreaterThan(0);
          if (content) {
            bytes += content.length;
            before.set(key, matches[0] as string);
          }
        }
        expect(store.stats()).toMatchObject({ bytes, objects: before.size });
        expect(await listKeys(store)).toHaveLength(before.size);
      }
      // It was struck in the middle of puts, or these rounds showed nothing.
      expect(leftTemporary).toBeGreaterThan(0);
    });
  }
});
