import { defineConfig, type SectionOverrides } from "@king-runtime/core";
import {
  type Recorder,
  recorder,
  type TemporaryFolder,
  temporaryFolder,
} from "@king-runtime/testkit";
import { onTestFinished } from "vitest";
import WebSocket from "ws";
import {
  type CreateServerOptions,
  createServer,
  planeSections,
  type Server,
} from "../src/server.ts";

/** A started server in a folder of its own; both end with the test. */
export interface StartedServer extends Server {
  readonly folder: TemporaryFolder;
  /** What went wrong on the server's side. */
  readonly errors: Recorder<unknown>;
}

/** Starts bucket-watch on a free port, with `overrides` of the planes' settings. */
export async function startServer(
  overrides: SectionOverrides<(typeof planeSections)[number]> = {},
  options: Partial<CreateServerOptions> = {},
): Promise<StartedServer> {
  const folder = await temporaryFolder("bucket-watch");
  const errors = recorder<unknown>();
  const server = createServer({
    storagePath: folder.path,
    onHandlerError: errors.record,
    config: defineConfig({ sections: planeSections, overrides }),
    ...options,
  });
  await server.system.start();
  onTestFinished(async () => {
    await server.system.drain({ deadlineMs: 2_000 });
    await folder[Symbol.asyncDispose]();
  });
  return Object.assign(Object.create(server) as Server, { folder, errors });
}

/** What a watcher saw, parsed. */
export interface Watcher {
  readonly socket: WebSocket;
  readonly events: Recorder<Record<string, unknown>>;
}

/** Watches a bucket; resolves once greeted. */
export async function watchBucket(origin: string, bucket = "inbox"): Promise<Watcher> {
  const events = recorder<Record<string, unknown>>();
  const socket = new WebSocket(
    `${origin.replace(/^http/, "ws")}/watch?bucket=${encodeURIComponent(bucket)}`,
  );
  onTestFinished(() => socket.terminate());
  socket.on("message", (data) => events.record(JSON.parse(String(data))));
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  await events.take(1);
  return { socket, events };
}

/** Uploads with `fetch`. */
export function uploadTo(
  origin: string,
  query: string,
  body: RequestInit["body"],
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${origin}/upload?${query}`, { method: "POST", body: body ?? "", headers });
}
