// node --conditions=king-source bench/src/quic/first-byte-report.ts [rounds]
// How long a client of QUIC waits for the first byte of an answer, from its call of connect on, over a path of 50 ms.
import { createSocket, type Socket } from "node:dgram";
import type { QuicEngine, QuicSession, TicketStore } from "@king-runtime/core";
import { openCurrentSpaceEngine, openMatrixEngine } from "@king-runtime/quic";
import { makeCertificates } from "@king-runtime/testkit";

const roundTripMs = 50;
const rounds = Number(process.argv[2] ?? 20);
const { ca, leaf } = await makeCertificates();
const alpn = ["bench"];

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

/** A path to `serverPort` on which packets take half of the round trip each way. */
async function slowPath(serverPort: number) {
  const front = await bound();
  const backs = new Map<number, Promise<Socket>>();
  const later = (send: () => void) => setTimeout(send, roundTripMs / 2).unref();
  front.on("message", async (packet, { port }) => {
    let back = backs.get(port);
    if (back === undefined) {
      back = bound().then((socket) =>
        socket.on("message", (answer) => later(() => front.send(answer, port, "127.0.0.1"))),
      );
      backs.set(port, back);
    }
    const socket = await back;
    later(() => socket.send(packet, serverPort, "127.0.0.1"));
  });
  return front.address().port;
}

async function echo(session: QuicSession): Promise<void> {
  for await (const stream of session.streams()) {
    for await (const chunk of stream) void stream.write(chunk);
    await stream.end();
  }
}

async function listen(engine: QuicEngine): Promise<number> {
  const listener = await engine.listen({
    local: { address: "127.0.0.1", port: 0 },
    tls: { alpn, ...leaf },
    onSession: (session) => void echo(session).catch(() => undefined),
  });
  return await slowPath(listener.local.port);
}

/** Milliseconds until the first byte, and whether the session was resumed, as far as the engine tells. */
async function once(engine: QuicEngine, port: number, tickets: TicketStore, earlyData: boolean) {
  const start = performance.now();
  const session = await engine.connect({
    remote: { address: "127.0.0.1", port },
    tls: { alpn, ca, serverName: "localhost" },
    tickets,
    ...(earlyData ? { earlyData } : {}),
  });
  const stream = await session.openStream();
  void stream.write(Buffer.from("x"));
  await stream[Symbol.asyncIterator]().next();
  const ms = performance.now() - start;
  await session.earlyData?.handshake;
  const told = session.earlyData?.state ?? `resumed: ${session.tls?.resumed ?? "not told"}`;
  // The ticket comes after the handshake.
  await new Promise((resolve) => setTimeout(resolve, 2 * roundTripMs));
  session.abort();
  await session.closed;
  return { ms, told };
}

/** Runs a kind of connection, with what `tickets` give, and tells how long it took. */
async function measure(name: string, visit: () => ReturnType<typeof once>): Promise<void> {
  await visit(); // warm, and with a ticket
  const times: number[] = [];
  const told = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const result = await visit();
    times.push(result.ms);
    told.add(result.told);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor((times.length - 1) * part)]?.toFixed(1);
  const spread = `${at(0)} to ${at(1)} ms`;
  console.log(`${name}: median ${at(0.5)} ms, ${spread} (${[...told].join(", ")})`);
}

/** Keeps the latest ticket, for any number of sessions. */
function latest(): TicketStore {
  let kept: Uint8Array | undefined;
  return {
    take: () => kept,
    put(_origin, ticket) {
      kept = ticket;
    },
  };
}

const none: TicketStore = { take: () => undefined, put: () => undefined };

const matrix = await openMatrixEngine({ earlyData: true });
const port = await listen(matrix);
const tickets = latest();
await measure("matrix, full handshake", () => once(matrix, port, none, false));
await measure("matrix, resumed", () => once(matrix, port, tickets, false));
await measure("matrix, 0-RTT", () => once(matrix, port, tickets, true));
const stranger = await listen(matrix);
const stale: TicketStore = { take: tickets.take, put: () => undefined };
await measure("matrix, 0-RTT refused", () => once(matrix, stranger, stale, true));

const currentspace = await openCurrentSpaceEngine();
const other = await listen(currentspace);
const others = latest();
await measure("currentspace, full handshake", () => once(currentspace, other, none, false));
await measure("currentspace, resumed", () => once(currentspace, other, others, false));
process.exit(0);
