const key = Symbol.for("king.iibin.definition");

/**
 * What tells a definition from data that looks like one, JSON that was parsed for instance: source is
 * generated from definitions, so they must have been checked. To be part of each.
 *
 * @internal
 */
export function definitionMark(kind: "schema" | "enum"): object {
  return { [key]: kind };
}

/** Whether `value` was made by `defineSchema` or `defineEnum`, of any copy of this package. */
export function isDefinition(value: unknown, kind: "schema" | "enum"): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    (value as { readonly [key]?: unknown })[key] === kind
  );
}
