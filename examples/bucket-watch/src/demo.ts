// `npm run demo`: starts the application on a free port and plays an uploader and two subscribers.
// Goes on serving when standard output is a terminal, and ends with 0 otherwise.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runUntilSignal } from "@king-runtime/core/node";
import { errorMessages } from "./error-messages.ts";
import { createServer } from "./server.ts";

const storagePath = await mkdtemp(join(tmpdir(), "bucket-watch-"));
const server = createServer({ storagePath });
const ended = new AbortController();
// Whoever reads along may leave early, as `head -1` does: nobody is left to show anything to.
process.stdout.on("error", () => ended.abort());

async function play(): Promise<void> {
  const { origin } = server;
  const subscribers = await Promise.all([subscribe(origin, 1), subscribe(origin, 2)]);

  const text = "Hello from the uploader: stored durably, then announced.\n";
  const response = await fetch(`${origin}/upload?bucket=inbox&object=demo.txt`, {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: text,
  });
  console.log(`uploader      got ${response.status} ${await response.text()}`);

  await Promise.all(subscribers.map(({ announced }) => announced));
  for (const { socket } of subscribers) socket.close(1000);

  const stored = await fetch(`${origin}/objects/inbox/demo.txt`);
  console.log(`reader        got ${stored.status} ${JSON.stringify(await stored.text())}`);
}

interface Subscriber {
  readonly socket: WebSocket;
  readonly announced: Promise<void>;
}

/** Resolves once the subscriber is greeted. */
async function subscribe(origin: string, number: number): Promise<Subscriber> {
  const socket = new WebSocket(`${origin.replace("http", "ws")}/watch?bucket=inbox`);
  const greeted = Promise.withResolvers<void>();
  const announced = Promise.withResolvers<void>();
  socket.addEventListener("message", ({ data }) => {
    console.log(`subscriber ${number}  saw ${data}`);
    const { event } = JSON.parse(data) as { event: string };
    (event === "subscribed" ? greeted : announced).resolve();
  });
  const failed = (what: string) => () => {
    const error = new Error(`subscriber ${number}: ${what}`);
    greeted.reject(error);
    announced.reject(error);
  };
  socket.addEventListener("error", failed("the connection failed"));
  socket.addEventListener("close", failed("the connection was closed"));
  // Told where it is awaited.
  announced.promise.catch(() => undefined);
  await greeted.promise;
  return { socket, announced: announced.promise };
}

try {
  await runUntilSignal(server.system, {
    stop: ended.signal,
    onReady: () => {
      console.log(`bucket-watch  listens on ${server.origin}`);
      play().then(
        () => {
          if (process.stdout.isTTY)
            console.log(`\nOpen ${server.origin}/?bucket=inbox in a browser. Ctrl+C ends it.`);
          else ended.abort();
        },
        (error) => {
          // What breaks off because the demo ends is no failure.
          if (ended.signal.aborted) return;
          console.error(errorMessages(error));
          process.exitCode = 1;
          ended.abort();
        },
      );
    },
  });
} finally {
  await rm(storagePath, { recursive: true, force: true });
}
