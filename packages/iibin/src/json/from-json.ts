import { checkChoice, checkOptions } from "../check-options.ts";
import type { Limits } from "../limits.ts";
import type { Message } from "../message.ts";
import type { Registry } from "../registry.ts";
import type { AnySchema } from "../schema.ts";
import { JsonReader } from "./json-reader.ts";
import { JsonWalk } from "./json-walk.ts";

/** How {@link fromJson} reads. */
export interface FromJsonOptions {
  /** Passes over fields, and names of enum members, that the schema does not have. @default false */
  readonly ignoreUnknownFields?: boolean;
  /** What numbers of 64 bits become; as `number`, those beyond 2^53 are refused. @default "bigint" */
  readonly int64?: "bigint" | "number";
  /** Where the types in `google.protobuf.Any` are found; well-known ones are always. */
  readonly registry?: Registry;
  /** Of these, `maxDepth` and `maxItems` are looked at. */
  readonly limits?: Limits;
}

/**
 * The message that JSON of proto3 stands for, as decoding would give it. Fields go by their JSON name
 * or the one in `.proto` files, numbers may be text, `null` is absence.
 *
 * @param json what `JSON.parse` gives, which has lost digits beyond 2^53 and keys that came twice
 * @throws {KingError} `KING_IIBIN_JSON_INVALID` for JSON that does not fit the schema,
 * `KING_IIBIN_LIMIT` for JSON with too much in it or too deep, `KING_IIBIN_SCHEMA_INVALID` when two
 * fields have one name in JSON or a type that the schema names does not exist,
 * `KING_IIBIN_OPTION_INVALID`.
 */
export function fromJson<S extends AnySchema>(
  schema: S,
  json: unknown,
  options: FromJsonOptions & { readonly int64: "number" },
): Message<S, number>;
export function fromJson<S extends AnySchema>(
  schema: S,
  json: unknown,
  options?: FromJsonOptions,
): Message<S>;
export function fromJson(
  schema: AnySchema,
  json: unknown,
  options: FromJsonOptions = {},
): Record<string, unknown> {
  checkFromJsonOptions(options);
  const walk = new JsonWalk(schema, options.limits);
  return new JsonReader(walk, options).message(schema, json);
}

const known: readonly string[] = ["ignoreUnknownFields", "int64", "registry", "limits"];

/** @internal */
export function checkFromJsonOptions(options: FromJsonOptions | undefined): void {
  checkOptions(options, known);
  checkChoice("int64", options?.int64, ["bigint", "number"]);
}
