import { dirname } from "node:path";
import { readReadme, runExample } from "@king-runtime/testkit";
import { expect, test, vi } from "vitest";
import {
  type ClientLimits,
  type ConnectWebSocketOptions,
  realtimeErrors,
  realtimeSection,
} from "../src/index.ts";

// Processes and full sockets take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const folder = dirname(import.meta.dirname);
const readme = await readReadme(folder);

test("the example runs and prints what the text says", async () => {
  expect(await runExample(readme.examples[0] ?? "", folder)).toBe("told 1\ntea is ready\n");
});

test("the client's example runs and prints what the text says", async () => {
  expect(await runExample(readme.examples[1] ?? "", folder)).toBe("you said hello\nyou said hi\n");
});

/** Every option of the client's own: one that is missing here, or too many, does not compile. */
const connectOptions: Record<Exclude<keyof ConnectWebSocketOptions, keyof ClientLimits>, true> = {
  path: true,
  headers: true,
  origin: true,
  subprotocols: true,
  headersTimeoutMs: true,
  signal: true,
  onMessage: true,
  config: true,
  clock: true,
};

test("the tables list every option and every error", () => {
  expect(readme.tables[0]).toEqual(Object.keys(connectOptions));
  expect(readme.tables[1]).toEqual(Object.keys(realtimeSection.keys));
  expect(readme.tables[2]).toEqual(Object.keys(realtimeErrors.codes));
});

test("the defaults in the table are those of the section", () => {
  for (const [name, key] of Object.entries(realtimeSection.keys)) {
    const cell = new RegExp(`^\\| \`${name}\` \\| ([^|]*) \\|`, "m").exec(readme.text)?.[1];
    const shown = typeof key.default === "number" ? key.default.toLocaleString("en-US") : "`[]`";
    expect(cell, name).toBe(shown);
  }
});
