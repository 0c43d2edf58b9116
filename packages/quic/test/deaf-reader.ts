/**
 * Connects to a server, asks for bytes, and does not read: `engine port cafile`. Reads what there is when it is told to by a
 * signal, and says how that ended.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { openQuicEngine } from "../src/index.ts";

const [name, port, file] = process.argv.slice(2);
const engine = await openQuicEngine({ engine: name as "matrix" });
const session = await engine.connect({
  remote: { address: "127.0.0.1", port: Number(port) },
  tls: { alpn: ["king"], ca: readFileSync(file as string, "utf8"), serverName: "localhost" },
});
// What an engine needs whatever comes is in use before it is measured.
const first = await session.openStream();
await first.end(Buffer.from("1000000"));
for await (const _ of first);
const stream = await session.openStream();
await stream.end(Buffer.from("200000000"));
const source = stream[Symbol.asyncIterator]();
await source.next();
const told = once(process, "SIGUSR2");
console.log("deaf");
await told;
let received = 0;
try {
  for (;;) {
    const { done, value } = await source.next();
    if (done) break;
    received += value.length;
  }
  console.log(`whole ${received}`);
} catch (error) {
  console.log(`broken ${(error as { code?: string }).code}`);
}
session.abort();
await session.closed;
process.exit(0);
