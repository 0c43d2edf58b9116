/** Whether `value` was made by `defineSchema` or `defineEnum`, of any copy of this package. */
export function isDefinition(value: unknown, kind: "schema" | "enum"): boolean {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}
