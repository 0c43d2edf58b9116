import type { SchemaName } from "./definitions.ts";
import { type AnyCodec, type Exercise, exercise } from "./exercise.ts";

/** What a page tells the server that served it. */
export interface PageReport extends Exercise {
  /** Why `new Function` failed there; empty when it did not. */
  readonly refusedFunction: string;
  /** Functions that were made from text while the codecs worked. */
  readonly generated: number;
  /** What the page has of Node's globals. */
  readonly nodeGlobals: readonly string[];
  /** What the policy kept back while the codecs worked, in order. */
  readonly violations: readonly string[];
}

/** Runs the exercise on a page, and sends the server what came of it. */
export async function report(
  makeCodecs: () => Readonly<Record<SchemaName, AnyCodec>>,
): Promise<void> {
  const violations: string[] = [];
  (globalThis as unknown as EventTarget).addEventListener("securitypolicyviolation", (event) => {
    violations.push((event as Event & { readonly blockedURI: string }).blockedURI);
  });
  let generated = 0;
  const { Function: original } = globalThis;
  globalThis.Function = new Proxy(original, {
    construct(target, args, newTarget) {
      const made = Reflect.construct(target, args, newTarget);
      generated++;
      return made;
    },
  });
  const exercised = exercise(makeCodecs());
  // Violations are told by a task of their own.
  await new Promise((resolve) => setTimeout(resolve, 0));
  globalThis.Function = original;
  const seen = [...violations];
  let refusedFunction = "";
  try {
    new original("");
  } catch (error) {
    refusedFunction = String(error);
  }
  const result: PageReport = {
    ...exercised,
    refusedFunction,
    generated,
    nodeGlobals: ["Buffer", "process", "require", "global"].filter((name) => name in globalThis),
    violations: seen,
  };
  await fetch("/report", { method: "POST", body: JSON.stringify(result) });
}
