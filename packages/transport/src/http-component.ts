import type { Component, Health } from "@king-runtime/core";
import type { HttpListener } from "./http-listener.ts";
import { type ListenHttpOptions, listenHttp } from "./listen-http.ts";

/** Options of {@link createHttpComponent}. */
export interface HttpComponentOptions extends ListenHttpOptions {
  /** @default "http" */
  name?: string;
  /** Components that must be ready before requests are taken. */
  dependsOn?: readonly string[];
  /** Called with the listener each time it is open. */
  onListening?: (listener: HttpListener) => void;
}

/**
 * A listener as a component of a system: it opens when the system starts, and drains with it, so
 * that requests under way are finished while what they need is still there.
 */
export function createHttpComponent(options: HttpComponentOptions): Component {
  const { name = "http", dependsOn = [], onListening, ...listenOptions } = options;
  let listener: HttpListener | undefined;
  return {
    name,
    dependsOn,
    async start({ signal }) {
      signal.throwIfAborted();
      listener = await listenHttp(listenOptions);
      try {
        onListening?.(listener);
      } catch (error) {
        listener.abort();
        throw error;
      }
    },
    async drain({ deadlineMs, signal }) {
      await listener?.close({ deadlineMs, signal });
    },
    async stop() {
      // A closed listener may have upgraded connections, which are their owners' to close.
      if (listener?.state !== "closed") listener?.abort();
      await listener?.closed;
    },
    health(): Health {
      if (listener?.state === "open") return { status: "healthy" };
      return { status: "unhealthy", reason: `the listener is ${listener?.state ?? "not open"}` };
    },
    stats: () => ({ ...listener?.stats() }),
  };
}
