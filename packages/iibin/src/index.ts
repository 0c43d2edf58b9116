export { decodeBatch, encodeBatch } from "./batch.ts";
export { type Codec, type CodecOf, type CodecOptions, createCodec } from "./codec.ts";
export {
  type BreakRule,
  type Compatibility,
  type CompatibilityBreak,
  type CompatibilityFinding,
  type CompatibilityWarning,
  checkCompatibility,
  type WarningRule,
} from "./compatibility.ts";
export { iibinSection } from "./config.ts";
export { type DecodedMessage, decode } from "./decode.ts";
export type { DecodeOptions, MessageClass } from "./decode-options.ts";
export { delimitedDecoder, delimitedEncoder } from "./delimited.ts";
export { type EncodeOptions, encode } from "./encode.ts";
export { type DefineEnumOptions, defineEnum, type Enum, type EnumMembers } from "./enum.ts";
export { iibinErrors } from "./errors.ts";
export type { EnumField, Field, MessageField, ScalarField } from "./field.ts";
export { fromKing, type KingField } from "./from-king.ts";
export { type FromJsonOptions, fromJson } from "./json/from-json.ts";
export { fromJsonText } from "./json/from-json-text.ts";
export type { JsonObject, JsonValue } from "./json/json-value.ts";
export { type ToJsonOptions, toJson } from "./json/to-json.ts";
export type { Limits } from "./limits.ts";
export type { Message, MessageInput } from "./message.ts";
export { type ExportProtoOptions, exportProto } from "./proto/export-proto.ts";
export { type ImportProtoOptions, importProto } from "./proto/import-proto.ts";
export {
  type Description,
  describe,
  type EnumDescription,
  type FieldDescription,
  Registry,
  type SchemaDescription,
} from "./registry.ts";
export type { Reserved } from "./reserved.ts";
export type { Int64Type, MapKeyType, ScalarType } from "./scalar-type.ts";
export {
  type AnySchema,
  type DefineSchemaOptions,
  defineSchema,
  type FieldDefinition,
  type FieldDefinitions,
  type FieldType,
  type Profile,
  type Schema,
} from "./schema.ts";
export { unknownFields } from "./unknown-fields.ts";
export { wellKnownTypes } from "./well-known/well-known-types.ts";
