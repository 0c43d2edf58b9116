import type { Field } from "../field.ts";
import type { JsonWalk } from "./json-walk.ts";

/** Notes which member of its oneof is set in a message; refuses a second one. */
export function claimOneof(set: Map<string, Field>, field: Field, walk: JsonWalk): void {
  if (field.oneof === undefined) return;
  const earlier = set.get(field.oneof);
  if (earlier !== undefined)
    throw walk.refuse(`expected at most one member of ${field.oneof}, and got ${earlier.name} too`);
  set.set(field.oneof, field);
}
