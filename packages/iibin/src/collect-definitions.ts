import type { Enum } from "./enum.ts";
import { iibinErrors } from "./errors.ts";
import { isRegistry } from "./is-registry.ts";
import type { Registry } from "./registry.ts";
import { type AnySchema, isSchema } from "./schema.ts";

/**
 * The definitions given and all that their fields refer to, by name.
 *
 * @throws {KingError} `KING_IIBIN_REGISTRY` when two have one name, `KING_IIBIN_SCHEMA_INVALID` when
 * a type given by name or function is missing.
 */
export function collectDefinitions(
  given: Registry | Iterable<Enum | AnySchema>,
): Map<string, Enum | AnySchema> {
  const all = new Map<string, Enum | AnySchema>();
  const queue = isRegistry(given) ? [...given.schemas(), ...given.enums()] : [...given];
  // The queue grows while it is read.
  for (const definition of queue) {
    const { name } = definition;
    const present = all.get(name);
    if (present === definition) continue;
    if (present !== undefined)
      throw iibinErrors.create(
        "KING_IIBIN_REGISTRY",
        `expected definitions of different names, got two called ${name}`,
        { name },
      );
    all.set(name, definition);
    if (!isSchema(definition)) continue;
    for (const field of definition.fields) {
      if (field.kind === "enum") queue.push(field.enum);
      if (field.kind === "message") queue.push(field.message);
    }
  }
  return all;
}
