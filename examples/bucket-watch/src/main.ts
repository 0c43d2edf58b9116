// The server: settings from king.config.json and from KING_* variables.
import { readFileSync } from "node:fs";
import { defineConfig, environmentName } from "@king-runtime/core";
import { environmentFrom, readOperatorFile, runUntilSignal } from "@king-runtime/core/node";
import type { ListenTlsOptions } from "@king-runtime/transport";
import { bucketWatchSection } from "./config.ts";
import { errorMessages } from "./error-messages.ts";
import { createServer, planeSections } from "./server.ts";

async function run(): Promise<void> {
  const config = defineConfig({
    sections: [bucketWatchSection, ...planeSections],
    operator: readOperatorFile("king.config.json", { optional: true }),
    environment: environmentFrom(process.env),
  });
  const settings = config.section(bucketWatchSection);
  const { host, port, allowedHosts, storagePath, tlsCertPath, tlsKeyPath } = settings;
  const tls = readTls(tlsCertPath, tlsKeyPath);
  const server = createServer({
    config,
    host,
    port,
    allowedHosts,
    storagePath,
    ...(tls !== undefined && { tls }),
  });
  await runUntilSignal(server.system, {
    onReady: () => console.log(`bucket-watch is listening on ${server.origin}`),
  });
}

function readTls(
  certPath: string | undefined,
  keyPath: string | undefined,
): ListenTlsOptions | undefined {
  if (certPath === undefined && keyPath === undefined) return undefined;
  if (certPath === undefined || keyPath === undefined)
    throw new Error(
      `expected both of ${named("tlsCertPath")} and ${named("tlsKeyPath")}, or neither`,
    );
  return { cert: readPem("tlsCertPath", certPath), key: readPem("tlsKeyPath", keyPath) };
}

function readPem(key: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(`${named(key)}: expected a readable file, got ${path}`, { cause });
  }
}

/** A setting as it stands in the file and in the environment. */
function named(key: string): string {
  return `bucketWatch.${key} (${environmentName("bucketWatch", key)})`;
}

try {
  await run();
} catch (error) {
  console.error(errorMessages(error));
  process.exitCode = 1;
}
