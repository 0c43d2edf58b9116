import { isDefinition } from "./definition.ts";
import { describeValue } from "./describe-value.ts";
import { iibinErrors } from "./errors.ts";
import type { AnySchema } from "./schema.ts";

/** The functions of a schema, made on first use; they live as long as the schema. @internal */
export interface CompiledFunctions {
  encoder?: unknown;
  decoders: unknown[];
}

// Not shared with other copies of this package, whose functions throw faults of their own.
const key = Symbol("king.iibin.compiled");

interface WithCompiled {
  readonly [key]?: CompiledFunctions;
}

/** Schemas that another copy of this package made. */
const others = /* @__PURE__ */ new WeakMap<AnySchema, CompiledFunctions>();

/** What {@link compiledOf} finds, to be part of a schema. */
export function compiledSlot(): object {
  return { [key]: { decoders: [] } };
}

/** @throws {KingError} `KING_IIBIN_OPTION_INVALID` for what is no schema. */
export function compiledOf(schema: AnySchema): CompiledFunctions {
  return (schema as WithCompiled | undefined)?.[key] ?? compiledOfOther(schema);
}

function compiledOfOther(schema: AnySchema): CompiledFunctions {
  checkSchema(schema);
  let found = others.get(schema);
  if (found === undefined) {
    found = { decoders: [] };
    others.set(schema, found);
  }
  return found;
}

/** @throws {KingError} `KING_IIBIN_OPTION_INVALID` for what is no schema. */
export function checkSchema(schema: unknown): void {
  if (!isDefinition(schema, "schema"))
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `schema: expected what defineSchema made, got ${describeValue(schema)}`,
      { option: "schema" },
    );
}
