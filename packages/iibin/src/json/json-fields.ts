import { iibinErrors } from "../errors.ts";
import type { Field } from "../field.ts";
import type { AnySchema } from "../schema.ts";

const cache = /* @__PURE__ */ new WeakMap<AnySchema, ReadonlyMap<string, Field>>();

/**
 * The fields of a schema by every name that JSON can have for them: the JSON name and the one in
 * `.proto` files.
 *
 * @throws {KingError} `KING_IIBIN_SCHEMA_INVALID` when two fields have the same name in JSON
 */
export function jsonFields(schema: AnySchema): ReadonlyMap<string, Field> {
  let byName = cache.get(schema);
  if (byName === undefined) {
    byName = collect(schema);
    cache.set(schema, byName);
  }
  return byName;
}

function collect(schema: AnySchema): ReadonlyMap<string, Field> {
  const byName = new Map<string, Field>();
  for (const field of schema.fields) {
    if (byName.has(field.jsonName)) throw clash(schema, field, field.jsonName);
    byName.set(field.jsonName, field);
  }
  const protoNames = new Set<string>();
  // A JSON name is what is written, so it goes before another field's name in .proto files.
  for (const field of schema.fields) {
    const { protoName } = field;
    if (protoNames.has(protoName)) throw clash(schema, field, protoName);
    protoNames.add(protoName);
    if (!byName.has(protoName)) byName.set(protoName, field);
  }
  return byName;
}

function clash(schema: AnySchema, { name }: Field, taken: string): Error {
  return iibinErrors.create(
    "KING_IIBIN_SCHEMA_INVALID",
    `schema ${schema.name}, field ${name}: ${taken} is the name of another field in JSON already`,
    { schema: schema.name, field: name },
  );
}
