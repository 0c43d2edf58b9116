import { createServer } from "node:net";
import { eventually } from "./eventually.ts";
import { type StartProcessOptions, startProcess, type TestProcess } from "./processes.ts";
import { connectRaw } from "./raw-socket.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary-folder.ts";

/** What a service is started with. */
export interface ServicePlace {
  /** As many free loopback ports as were asked for. */
  readonly ports: readonly number[];
  /** An empty folder of its own, gone when the service is disposed. */
  readonly folder: TemporaryFolder;
}

/** Options of {@link startService}. */
export interface StartServiceOptions {
  readonly command: string;
  /** Its arguments, once ports and folder are known; may write a configuration file first. */
  readonly args: (place: ServicePlace) => readonly string[] | Promise<readonly string[]>;
  /** How many ports it needs. @default 1 */
  readonly portCount?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A line that says it is ready. @default its first port accepts a connection */
  readonly ready?: RegExp;
  /** How long it may take, in milliseconds. @default 10_000 */
  readonly readyDeadlineMs?: number;
}

/** A server program that is not ours, on free loopback ports, in a temporary folder. */
export interface TestService extends AsyncDisposable {
  readonly port: number;
  readonly ports: readonly number[];
  readonly folder: string;
  readonly process: TestProcess;
}

/**
 * Starts a server program. Another process may take a port between choosing and binding it, so a
 * start that fails is tried again on other ports, three times in all.
 */
export async function startService(options: StartServiceOptions): Promise<TestService> {
  const failures: unknown[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const folder = await temporaryFolder("king-service");
    try {
      return await startIn(folder, options);
    } catch (error) {
      failures.push(error);
      await folder[Symbol.asyncDispose]();
    }
  }
  throw new AggregateError(failures, `${options.command} did not start: ${failures.at(-1)}`);
}

async function startIn(
  folder: TemporaryFolder,
  options: StartServiceOptions,
): Promise<TestService> {
  const ports = await freePorts(options.portCount ?? 1);
  const start: StartProcessOptions = {
    command: options.command,
    args: await options.args({ ports, folder }),
    cwd: folder.path,
    ...(options.env && { env: options.env }),
    ...(options.ready && { ready: options.ready }),
    ...(options.readyDeadlineMs !== undefined && { readyDeadlineMs: options.readyDeadlineMs }),
  };
  const service = await startProcess(start);
  const port = ports[0] ?? 0;
  try {
    if (!options.ready) {
      const accepts = eventually(
        `${options.command} to listen on ${port}`,
        async () => {
          await using _socket = await connectRaw({ port });
          return true;
        },
        options.readyDeadlineMs === undefined ? {} : { deadlineMs: options.readyDeadlineMs },
      );
      const ended = service.exited.then(() => {
        throw new Error(`${options.command} ended: ${service.stderr().slice(-2_000)}`);
      });
      await Promise.race([accepts, ended]);
    }
  } catch (error) {
    await service.kill();
    throw error;
  }
  return {
    port,
    ports,
    folder: folder.path,
    process: service,
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Ports of 127.0.0.1 that are free now; all distinct. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, "127.0.0.1", resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
  );
  return ports;
}
