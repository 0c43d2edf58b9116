import { resolveLimits } from "../limits.ts";
import type { Message } from "../message.ts";
import type { AnySchema } from "../schema.ts";
import { mayHaveLargeIntegers, parseExactly } from "./exact-integers.ts";
import { checkFromJsonOptions, type FromJsonOptions } from "./from-json.ts";
import { JsonReader } from "./json-reader.ts";
import { JsonWalk } from "./json-walk.ts";
import { findRepeatedKey } from "./repeated-key.ts";

/**
 * Parses JSON text and makes a message of it as `fromJson` does; besides, an object that has a key twice
 * is refused, and text of more than `limits.maxBytes` UTF-16 units, and integers of 64 bits keep all their
 * digits, where `JSON.parse` gives a reviver the source of numbers.
 *
 * @throws {KingError} `KING_IIBIN_JSON_INVALID` for text that is no JSON or does not fit the schema,
 * `KING_IIBIN_LIMIT` for text that is too long, has too much in it or is too deep,
 * `KING_IIBIN_SCHEMA_INVALID` when two fields have one name in JSON or a type that the schema names
 * does not exist, `KING_IIBIN_OPTION_INVALID`.
 */
export function fromJsonText<S extends AnySchema>(
  schema: S,
  text: string,
  options: FromJsonOptions & { readonly int64: "number" },
): Message<S, number>;
export function fromJsonText<S extends AnySchema>(
  schema: S,
  text: string,
  options?: FromJsonOptions,
): Message<S>;
export function fromJsonText(
  schema: AnySchema,
  text: string,
  options?: FromJsonOptions,
): Record<string, unknown> {
  checkFromJsonOptions(options);
  const walk = new JsonWalk(schema, options?.limits, true);
  if (typeof text !== "string") throw walk.expected("JSON text", text);
  const { maxBytes } = resolveLimits(options?.limits, schema.profile);
  if (text.length > maxBytes) throw walk.overLimit("maxBytes");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Not as the cause: its message quotes the text.
    throw walk.expected("JSON text", text);
  }
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) {
    // Other keys may be those of a map, and somebody's secret.
    const isField = schema.fields.some(
      ({ jsonName, protoName }) => jsonName === repeated || protoName === repeated,
    );
    throw walk.refuse(
      `expected each key once in an object, got ${isField ? repeated : "one"} twice`,
    );
  }
  if (mayHaveLargeIntegers(text))
    try {
      json = parseExactly(text);
    } catch {
      // It was JSON before: only the stack is too small.
      throw walk.overLimit("maxDepth");
    }
  return new JsonReader(walk, options ?? {}).message(schema, json);
}
