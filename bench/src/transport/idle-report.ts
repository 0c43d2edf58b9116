/**
 * `node --conditions=king-source --expose-gc bench/src/transport/idle-report.ts` prints what 10,000 idle
 * keep-alive connections, each of which was served once, take of the server's memory. The clients are in
 * another process; both need as many file descriptors.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import type { ServerWorkload } from "../harness/plane.ts";
import { plane } from "../transport.ts";

const connections = 10_000;
const [role, side] = process.argv.slice(2);

const row = plane.rows[0];
const workloads: Readonly<Record<string, ServerWorkload>> = {
  ours: row?.ours as ServerWorkload,
  "node:http": row?.peer as ServerWorkload,
};

interface Memory {
  readonly rssBytes: number;
  readonly heapBytes: number;
}

async function serve(): Promise<void> {
  const server = await (workloads[side ?? ""] as ServerWorkload).start();
  process.on("message", () => {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    process.send?.({ rssBytes: rss, heapBytes: heapUsed });
  });
  process.send?.(server.port);
}

/** Connects, has each connection served once, and says so; the connections stay. */
async function load(port: number): Promise<void> {
  const open: Socket[] = [];
  while (open.length < connections) {
    const batch = Array.from({ length: Math.min(200, connections - open.length) }, async () => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await once(socket, "data");
      return socket;
    });
    open.push(...(await Promise.all(batch)));
  }
  process.send?.(open.length);
}

const start = (...args: string[]): ChildProcess =>
  fork(new URL(import.meta.url), args, {
    execArgv: ["--conditions=king-source", "--expose-gc"],
  });

async function measure(name: string): Promise<Memory> {
  const server = start("server", name);
  const [port] = await once(server, "message");
  const memory = async (): Promise<Memory> => {
    server.send("memory");
    return (await once(server, "message"))[0];
  };
  await memory();
  const before = await memory();
  const clients = start("clients", String(port));
  await once(clients, "message");
  await wait(2_000); // what the connections began ends by itself
  await memory();
  const after = await memory();
  for (const child of [clients, server]) child.kill();
  return {
    rssBytes: (after.rssBytes - before.rssBytes) / connections,
    heapBytes: (after.heapBytes - before.heapBytes) / connections,
  };
}

if (role === "server") await serve();
else if (role === "clients") await load(Number(side));
else {
  console.log("| | resident bytes per connection | heap bytes per connection |\n|---|---:|---:|");
  for (const name of Object.keys(workloads)) {
    const rounds: Memory[] = [];
    for (let i = 0; i < 3; i++) rounds.push(await measure(name));
    const median = (key: keyof Memory) =>
      Math.round(rounds.map((each) => each[key]).toSorted((a, b) => a - b)[1] as number);
    console.log(`| ${name} | ${median("rssBytes")} | ${median("heapBytes")} |`);
  }
}
