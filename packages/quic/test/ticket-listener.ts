import { readFileSync } from "node:fs";
import { openMatrixEngine } from "../src/index.ts";

// Listens with `ticketSecret`, by a clock that is ahead, and tells its port.
const [secret, aheadMs, certificate] = process.argv.slice(2) as [string, string, string];
const now = Date.now;
Date.now = () => now() + Number(aheadMs);

const { cert, key, ca } = JSON.parse(readFileSync(certificate, "utf8"));
const engine = await openMatrixEngine({ ticketSecret: secret });
const listener = await engine.listen({
  local: { address: "127.0.0.1", port: 0 },
  tls: { alpn: ["king"], cert, key, ...(ca === undefined ? {} : { ca }) },
  onSession: () => undefined,
});
console.log(`port ${listener.local.port}`);
