/**
 * What modules written by `king iibin build` import. Not for applications: names may change with each
 * release, and `king iibin build` with them.
 *
 * @packageDocumentation
 */
export { type BuiltCodecParts, builtCodec } from "./built-codec.ts";
export type { Codec } from "./codec.ts";
export * from "./wire/functions.ts";
