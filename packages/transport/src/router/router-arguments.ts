import { defineSection, describeValue, optionError, resolveOptions } from "@king-runtime/core";

const routerSection = defineSection("router", {});

/** @throws {KingError} KING_OPTION_INVALID when a route is no function. */
export function checkRoutes(routes: Readonly<Record<string, unknown>>): void {
  for (const [definition, handler] of Object.entries(routes)) {
    if (typeof handler === "function") continue;
    const name = `routes[${JSON.stringify(definition)}]`;
    throw optionError(name, `expected a function, got ${describeValue(handler)}`);
  }
}

/** @throws {KING_OPTION_INVALID} when it is no function, or there are other options. */
export function checkFallback<Handler>(options: { fallback?: Handler }): Handler | undefined {
  resolveOptions(routerSection, options, { others: ["fallback"] });
  const { fallback } = options;
  if (fallback !== undefined && typeof fallback !== "function") {
    throw optionError("fallback", `expected a function, got ${describeValue(fallback)}`);
  }
  return fallback;
}
