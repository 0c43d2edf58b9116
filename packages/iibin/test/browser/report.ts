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

/** An origin that the policy keeps pages from, so that nothing is sent there. */
const forbidden = "https://forbidden.invalid";

/** Runs the exercise on a page, and sends the server what came of it. */
export async function report(
  makeCodecs: () => Readonly<Record<SchemaName, AnyCodec>>,
): Promise<void> {
  const violations: string[] = [];
  const isLastTold = Promise.withResolvers<void>();
  (globalThis as unknown as EventTarget).addEventListener("securitypolicyviolation", (event) => {
    const { blockedURI } = event as Event & { readonly blockedURI: string };
    if (blockedURI.startsWith(forbidden)) isLastTold.resolve();
    else violations.push(blockedURI);
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
  globalThis.Function = original;
  let refusedFunction = "";
  try {
    new original("");
  } catch (error) {
    refusedFunction = String(error);
  }
  if (refusedFunction !== "") {
    // Violations are told later, in order: one that is provoked last ends the wait for the others.
    await Promise.all([isLastTold.promise, fetch(forbidden).catch(() => {})]);
    // That of the function above is not one of the codecs.
    violations.pop();
  }
  const result: PageReport = {
    ...exercised,
    refusedFunction,
    generated,
    nodeGlobals: ["Buffer", "process", "require", "global"].filter((name) => name in globalThis),
    violations,
  };
  await fetch("/report", { method: "POST", body: JSON.stringify(result) });
}
