import { checkOptions } from "./check-options.ts";
import { describeValue } from "./describe-value.ts";
import { iibinErrors } from "./errors.ts";
import type { Profile } from "./schema.ts";

/** Bounds of what is encoded and decoded; the section `iibin` of a config has the same keys. */
export interface Limits {
  /** Largest message, in bytes. @default 67_108_864 */
  readonly maxBytes?: number;
  /** Levels of messages and groups inside the root, up to 256, in profile king 32. @default 100 */
  readonly maxDepth?: number;
  /** Longest string or bytes value, in bytes. @default 16_777_216 */
  readonly maxStringBytes?: number;
  /**
   * Items of one list or map to be encoded. Of one message to be decoded, list items, map entries and
   * nested messages together; such a message counts as one, and one more for each of its fields that
   * are lists, maps or bytes, and for each 16 fields: what was encoded can be too much. @default 1_048_576
   */
  readonly maxItems?: number;
  /** Records of one batch. @default 65_536 */
  readonly maxBatch?: number;
}

/** Every bound decided. */
export type ResolvedLimits = Required<Limits>;

export const usualLimits: ResolvedLimits = /* @__PURE__ */ Object.freeze({
  maxBytes: 67_108_864,
  maxDepth: 100,
  maxStringBytes: 16_777_216,
  maxItems: 1_048_576,
  maxBatch: 65_536,
});

/** What each bound may be at most. */
export const highestLimits: ResolvedLimits = /* @__PURE__ */ Object.freeze({
  maxBytes: 2_147_483_647,
  maxDepth: 256,
  maxStringBytes: 536_870_888,
  maxItems: 2_147_483_647,
  maxBatch: 1_048_576,
});

/** King's, whatever is asked for. */
const kingDepth = 32;

/** @throws {KingError} `KING_IIBIN_OPTION_INVALID` for a bound that is no integer in its range. */
export function resolveLimits(given: Limits | undefined, profile: Profile): ResolvedLimits {
  checkOptions(given, Object.keys(usualLimits));
  const resolved = { ...usualLimits } as Record<keyof Limits, number>;
  for (const key of Object.keys(usualLimits) as (keyof Limits)[]) {
    const value = given?.[key];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 0 || value > highestLimits[key])
      throw iibinErrors.create(
        "KING_IIBIN_OPTION_INVALID",
        `${key}: expected an integer from 0 to ${highestLimits[key]}, got ${describeValue(value)}`,
        { option: key },
      );
    resolved[key] = value;
  }
  if (profile === "king") resolved.maxDepth = Math.min(resolved.maxDepth, kingDepth);
  return resolved;
}
