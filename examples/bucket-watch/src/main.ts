// The server: settings from king.config.json and from KING_* variables.
import { readFileSync } from "node:fs";
import { defineConfig } from "@king-runtime/core";
import { environmentFrom, readOperatorFile, runUntilSignal } from "@king-runtime/core/node";
import { bucketWatchSection } from "./config.ts";
import { createServer, planeSections } from "./server.ts";

const config = defineConfig({
  sections: [bucketWatchSection, ...planeSections],
  operator: readOperatorFile("king.config.json", { optional: true }),
  environment: environmentFrom(process.env),
});
const { host, port, storagePath, tlsCertPath, tlsKeyPath } = config.section(bucketWatchSection);

if ((tlsCertPath === undefined) !== (tlsKeyPath === undefined))
  throw new Error(
    "expected both of bucketWatch.tlsCertPath and bucketWatch.tlsKeyPath, or neither",
  );

const server = createServer({
  config,
  host,
  port,
  storagePath,
  ...(tlsCertPath !== undefined &&
    tlsKeyPath !== undefined && {
      tls: { cert: readFileSync(tlsCertPath), key: readFileSync(tlsKeyPath) },
    }),
});

await runUntilSignal(server.system, {
  onReady: () => console.log(`bucket-watch is listening on ${server.origin}`),
});
