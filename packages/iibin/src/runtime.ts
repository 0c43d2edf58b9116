/**
 * What modules written by `king iibin build` import. Not for applications: names may change with each
 * release, and `king iibin build` with them.
 *
 * @packageDocumentation
 */
export { type BuiltCodecParts, builtCodec } from "./built-codec.ts";
export type { Codec } from "./codec.ts";
export type { NumberArray } from "./message.ts";
export { unknownFields } from "./unknown-fields.ts";
// Not by way of the object that run-time generation uses, which would keep all of them in every bundle.
export * from "./wire/byte-length.ts";
export * from "./wire/decode-parts.ts";
export * from "./wire/fault.ts";
export * from "./wire/map-entry.ts";
export * from "./wire/message-checks.ts";
export * from "./wire/read-bytes.ts";
export * from "./wire/read-number.ts";
export * from "./wire/read-text.ts";
export * from "./wire/read-varint.ts";
export * from "./wire/reader.ts";
export * from "./wire/write-text.ts";
export * from "./wire/write-varint.ts";
export * from "./wire/writer.ts";
