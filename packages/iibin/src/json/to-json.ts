import { checkOptions } from "../check-options.ts";
import type { Limits } from "../limits.ts";
import type { MessageInput } from "../message.ts";
import type { Registry } from "../registry.ts";
import type { AnySchema } from "../schema.ts";
import type { JsonValue } from "./json-value.ts";
import { JsonWalk } from "./json-walk.ts";
import { JsonWriter } from "./json-writer.ts";

/** How {@link toJson} writes. */
export interface ToJsonOptions {
  /**
   * Prints fields that do not tell absent from zero even when they are zero, lists and maps even when
   * they are empty. @default false
   */
  readonly alwaysPrintFieldsWithNoPresence?: boolean;
  /** Names fields as `.proto` files do, instead of in lower camel case. @default false */
  readonly useProtoFieldName?: boolean;
  /** Writes the numbers of enums instead of the names. @default false */
  readonly enumsAsIntegers?: boolean;
  /** Where the types in `google.protobuf.Any` are found; well-known ones are always. */
  readonly registry?: Registry;
  /** Of these, `maxDepth` and `maxItems` are looked at. */
  readonly limits?: Limits;
}

/**
 * A message in the JSON of proto3: names in lower camel case, numbers of 64 bits in decimal text,
 * bytes in base64, enum members by name, `google.protobuf.Timestamp` and its like in forms of their
 * own. Unknown fields that decoding kept are left out.
 *
 * @returns what `JSON.stringify` writes: for most types an object
 * @throws {KingError} `KING_IIBIN_JSON_INVALID` for a message that does not fit the schema or has no
 * JSON, such as a timestamp after the year 9999, `KING_IIBIN_LIMIT` for one with too much in it or too
 * deep, `KING_IIBIN_SCHEMA_INVALID` when two fields have one name in JSON or a type that the schema
 * names does not exist, `KING_IIBIN_OPTION_INVALID`.
 */
export function toJson<S extends AnySchema>(
  schema: S,
  message: MessageInput<S>,
  options: ToJsonOptions = {},
): JsonValue {
  checkOptions(options, known);
  const walk = new JsonWalk(schema, options.limits);
  return new JsonWriter(walk, options).message(schema, message);
}

const known: readonly string[] = [
  "alwaysPrintFieldsWithNoPresence",
  "useProtoFieldName",
  "enumsAsIntegers",
  "registry",
  "limits",
];
