import { bytesKey, defineSection, integerKey } from "@king-runtime/core";
import { highestLimits, usualLimits } from "./limits.ts";

/**
 * Settings of the codec, with the keys of {@link Limits}:
 * `createCodec(User, { limits: config.section(iibinSection) })`.
 */
export const iibinSection = defineSection(
  "iibin",
  {
    maxBytes: bytesKey({
      default: usualLimits.maxBytes,
      max: highestLimits.maxBytes,
      doc: "Largest message.",
    }),
    maxDepth: integerKey({
      default: usualLimits.maxDepth,
      min: 0,
      max: highestLimits.maxDepth,
      unit: "levels",
      doc: "Levels of messages and groups inside the root; in profile king 32 at most.",
    }),
    maxStringBytes: bytesKey({
      default: usualLimits.maxStringBytes,
      max: highestLimits.maxStringBytes,
      doc: "Longest string or bytes value, in bytes of UTF-8.",
    }),
    maxItems: integerKey({
      default: usualLimits.maxItems,
      min: 0,
      max: highestLimits.maxItems,
      unit: "items",
      doc: "List items, map entries and nested messages of one message to be decoded, together, where a nested message counts its fields that are lists, maps or bytes too, and each 16 fields as one; items of one list or map to be encoded.",
    }),
    maxBatch: integerKey({
      default: usualLimits.maxBatch,
      min: 0,
      max: highestLimits.maxBatch,
      unit: "records",
      doc: "Records of one batch.",
    }),
  },
  { doc: "Limits of the binary codec." },
);
