import type { Registry } from "./registry.ts";

/** Whether `value` is a registry of any copy of this package. */
export function isRegistry(value: unknown): value is Registry {
  return (
    typeof value === "object" &&
    value !== null &&
    "schemas" in value &&
    "enums" in value &&
    typeof value.schemas === "function" &&
    typeof value.enums === "function"
  );
}
