import type { Field } from "../field.ts";
import type { JsonWalk } from "./json-walk.ts";

/** Adds a field that has a value to those set of oneofs; refuses a second one of the same oneof. */
export function claimOneof(
  set: Map<string, Field> | undefined,
  field: Field,
  walk: JsonWalk,
): Map<string, Field> | undefined {
  if (field.oneof === undefined) return set;
  const earlier = set?.get(field.oneof);
  if (earlier !== undefined)
    throw walk.refuse(`expected at most one member of ${field.oneof}, and got ${earlier.name} too`);
  return (set ?? new Map<string, Field>()).set(field.oneof, field);
}
