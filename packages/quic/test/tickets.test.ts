import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { QuicEngine, QuicTls } from "@king-runtime/core";
import { eventually, startNode } from "@king-runtime/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { openMatrixEngine } from "../src/index.ts";
import { offeredKeyName } from "../src/matrix/offered-ticket.ts";
import { TicketKeys } from "../src/ticket-keys.ts";
import { certificates, needEngines, tls } from "./engines.ts";

const folder = mkdtempSync(join(tmpdir(), "king-quic-tickets-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = fileURLToPath(new URL("./ticket-listener.ts", import.meta.url));
const secret = "a secret that all processes share";
const hourMs = 3_600_000;

/** A process that listens, its clock so much ahead. */
async function listener(secret: string, aheadMs = 0, own: { ca?: string } = {}) {
  const file = join(folder, `${Math.random()}.json`);
  writeFileSync(file, JSON.stringify({ ...certificates.leaf, ...own }));
  const child = await startNode(program, {
    args: [secret, String(aheadMs), file],
    ready: /^port (\d+)$/,
  });
  return { child, port: Number(child.ready[1]) };
}

let engine: Promise<QuicEngine> | undefined;

/** Connects, with `ticket` if there is one: whether it was resumed, and a ticket of this session. */
async function visit(port: number, ticket?: Uint8Array, own: Partial<QuicTls> = {}) {
  let given: Uint8Array | undefined;
  engine ??= openMatrixEngine();
  const session = await (await engine).connect({
    remote: { address: "127.0.0.1", port },
    tls: { ...tls, ...own },
    tickets: {
      take: () => ticket,
      put: (_origin, bytes) => {
        given = bytes;
      },
    },
  });
  const resumed = session.tls?.resumed;
  const fresh = await eventually("a ticket", () => given);
  await session.close();
  return { resumed, ticket: fresh };
}

describe("listeners that share a secret, in processes of their own", () => {
  test("resume each other's sessions, also when the key has changed since, for two hours", async (context) => {
    await needEngines(context, "matrix");
    const processes = await Promise.all([
      listener(secret),
      listener(secret),
      listener(secret, hourMs),
      listener(secret, -hourMs),
      listener(secret, 4 * hourMs),
      listener("another secret, which nobody shares"),
    ]);
    const [own, beside, ahead, behind, farAhead, other] = processes.map(({ port }) => port) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    try {
      const first = await visit(own);
      expect(first.resumed).toBe(false);
      const resumedBy = async (port: number) => (await visit(port, first.ticket)).resumed;
      expect(await resumedBy(own)).toBe(true);
      expect(await resumedBy(beside)).toBe(true);
      expect(await resumedBy(ahead)).toBe(true);
      expect(await resumedBy(behind)).toBe(true);
      expect(await resumedBy(farAhead)).toBe(false);
      expect(await resumedBy(other)).toBe(false);
      // What a session that was resumed by an old key gives is good for more.
      const second = await visit(ahead, first.ticket);
      expect((await visit(beside, second.ticket)).resumed).toBe(true);
    } finally {
      for (const { child } of processes) await child[Symbol.asyncDispose]();
    }
  });

  test("do not, where other authorities vouch for clients", async (context) => {
    await needEngines(context, "matrix");
    const asking = { ca: certificates.ca };
    const processes = await Promise.all([
      listener(secret),
      listener(secret, 0, asking),
      listener(secret, 0, asking),
    ]);
    const [open, closed, closedToo] = processes.map(({ port }) => port) as [number, number, number];
    try {
      const { cert, key } = certificates.leaf;
      const shown = { cert, key };
      const anonymous = await visit(open);
      expect((await visit(closed, anonymous.ticket, shown)).resumed).toBe(false);
      const known = await visit(closed, undefined, shown);
      expect((await visit(closedToo, known.ticket, shown)).resumed).toBe(true);
    } finally {
      for (const { child } of processes) await child[Symbol.asyncDispose]();
    }
  });
});

describe("the keys of tickets", () => {
  const keys = new TicketKeys({ secret, rotationMs: hourMs, context: "" });

  test("follow from secret, period and context alone, and are all different", () => {
    const again = new TicketKeys({ secret, rotationMs: hourMs, context: "" });
    const made = [
      keys.key(7),
      keys.key(8),
      new TicketKeys({ secret, rotationMs: hourMs, context: "x" }).key(7),
      new TicketKeys({ secret: `${secret}!`, rotationMs: hourMs, context: "" }).key(7),
      new TicketKeys({ secret, rotationMs: 2 * hourMs, context: "" }).key(7),
    ].map((key) => key.toString("hex"));
    expect(new Set(made).size).toBe(made.length);
    expect(again.key(7)).toEqual(keys.key(7));
    expect(keys.key(7)).toHaveLength(48);
  });

  test("are known by name while tickets of them can be valid, and of a clock a little ahead", () => {
    const at = (hours: number) => hours * hourMs;
    const name = (period: number) => keys.key(period).subarray(0, 16);
    expect(keys.periodOf(name(10), at(10.5))).toBe(10);
    expect(keys.periodOf(name(10), at(9.9))).toBe(10);
    expect(keys.periodOf(name(10), at(12.9))).toBe(10);
    expect(keys.periodOf(name(10), at(13))).toBeUndefined();
    expect(keys.periodOf(name(10), at(8.9))).toBeUndefined();
  });
});

describe("the name of the key of an offered ticket", () => {
  test("is absent where no ticket is offered, and in what is no first packet", () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.alloc(1_200),
      Buffer.alloc(1_200, 0xc3),
      Buffer.from(`c300000001088394c8f03e5157080000449e${"00".repeat(1_182)}`, "hex"),
    ]) {
      expect(offeredKeyName(bytes)).toBeUndefined();
    }
  });
});
