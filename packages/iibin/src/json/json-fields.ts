import { iibinErrors } from "../errors.ts";
import type { Field } from "../field.ts";
import type { AnySchema } from "../schema.ts";

const cache = /* @__PURE__ */ new WeakMap<AnySchema, ReadonlyMap<string, number>>();

/**
 * Where in its list of fields a schema has one, by every name that JSON can have for it: the JSON name
 * and the one in `.proto` files.
 *
 * @throws {KingError} `KING_IIBIN_SCHEMA_INVALID` when two fields have the same name in JSON
 */
export function jsonFields(schema: AnySchema): ReadonlyMap<string, number> {
  let byName = cache.get(schema);
  if (byName === undefined) {
    byName = collect(schema);
    cache.set(schema, byName);
  }
  return byName;
}

function collect(schema: AnySchema): ReadonlyMap<string, number> {
  const byName = new Map<string, number>();
  for (const [index, field] of schema.fields.entries()) {
    if (byName.has(field.jsonName)) throw clash(schema, field, field.jsonName);
    byName.set(field.jsonName, index);
  }
  const protoNames = new Set<string>();
  // A JSON name is what is written, so it goes before another field's name in .proto files.
  for (const [index, field] of schema.fields.entries()) {
    const { protoName } = field;
    if (protoNames.has(protoName)) throw clash(schema, field, protoName);
    protoNames.add(protoName);
    if (!byName.has(protoName)) byName.set(protoName, index);
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
