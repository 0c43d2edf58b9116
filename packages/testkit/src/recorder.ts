import { channel as diagnosticsChannel } from "node:diagnostics_channel";
import { type DeadlineOptions, withDeadline } from "./deadline.ts";

/** Keeps what it is told in order, and lets a test wait until enough has been told. */
export interface Recorder<T> extends Disposable {
  readonly values: readonly T[];
  /** Notes one value; a bound function, to be handed out as a callback. */
  readonly record: (value: T) => void;
  /**
   * All values as soon as `enough` says so; it is asked now and after each value.
   *
   * @throws Error showing what came, at the deadline.
   */
  until(
    enough: (values: readonly T[]) => boolean,
    options?: DeadlineOptions,
  ): Promise<readonly T[]>;
  /** The first `count` values. */
  take(count: number, options?: DeadlineOptions): Promise<readonly T[]>;
}

/** A recorder that the test feeds itself, from callbacks and listeners. */
export function recorder<T>(): Recorder<T> {
  const values: T[] = [];
  const watchers = new Set<() => void>();
  const until: Recorder<T>["until"] = async (enough, options) => {
    if (enough(values)) return values;
    let watcher: (() => void) | undefined;
    const reached = new Promise<void>((resolve, reject) => {
      watcher = () => {
        try {
          if (enough(values)) resolve();
        } catch (error) {
          reject(error);
        }
      };
      watchers.add(watcher);
    });
    try {
      await withDeadline(reached, () => `enough values; came ${shown(values)}`, options);
      return values;
    } finally {
      if (watcher) watchers.delete(watcher);
    }
  };
  return {
    values,
    record(value) {
      values.push(value);
      for (const watcher of watchers) watcher();
    },
    until,
    async take(count, options) {
      return (await until((all) => all.length >= count, options)).slice(0, count);
    },
    [Symbol.dispose]() {
      watchers.clear();
    },
  };
}

/** Records what is published on the diagnostics channel `name`, until disposed. */
export function recordDiagnostics<T = unknown>(name: string): Recorder<T> {
  const inner = recorder<T>();
  const listener = (message: unknown) => inner.record(message as T);
  const channel = diagnosticsChannel(name);
  channel.subscribe(listener);
  return {
    ...inner,
    [Symbol.dispose]() {
      channel.unsubscribe(listener);
      inner[Symbol.dispose]();
    },
  };
}

function shown(values: readonly unknown[]): string {
  const text = values.map((value) =>
    typeof value === "string" ? JSON.stringify(value) : String(value),
  );
  return `${values.length}: [${text.join(", ").slice(0, 500)}]`;
}
