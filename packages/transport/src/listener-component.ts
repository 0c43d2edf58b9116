import {
  type Component,
  describeValue,
  type Health,
  type Listener,
  optionError,
} from "@king-runtime/core";

/** What is common to listeners as components of a system. */
export interface ListenerComponentOptions<Opened extends Listener> {
  /** Components that must be ready before anything is taken. */
  dependsOn?: readonly string[] | undefined;
  /** Called with the listener each time it is open. */
  onListening?: ((listener: Opened) => void) | undefined;
}

/** A listener as a component: it opens when the system starts, and drains with it. */
export function listenerComponent<Opened extends Listener>(
  name: string,
  { dependsOn = [], onListening }: ListenerComponentOptions<Opened>,
  open: () => Promise<Opened>,
): Component {
  if (onListening !== undefined && typeof onListening !== "function") {
    throw optionError("onListening", `expected a function, got ${describeValue(onListening)}`);
  }
  if (!Array.isArray(dependsOn)) {
    throw optionError("dependsOn", `expected a list of names, got ${describeValue(dependsOn)}`);
  }
  let listener: Opened | undefined;
  return {
    name,
    dependsOn,
    async start({ signal }) {
      signal.throwIfAborted();
      listener = await open();
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
      // One that is closed may have upgraded connections, which are their owners' to close.
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
