import { describeValue } from "./describe-value.ts";
import { iibinErrors } from "./errors.ts";
import type { Profile } from "./schema.ts";

/** Bounds of what is encoded and decoded; the section `iibin` of a config has the same keys. */
export interface Limits {
  /** Largest message, in bytes. @default 67_108_864 */
  readonly maxBytes?: number;
  /** Levels of messages and groups inside the root, up to 256. @default 100, in profile king 32 */
  readonly maxDepth?: number;
  /** Longest string or bytes value, in bytes. @default 16_777_216 */
  readonly maxStringBytes?: number;
  /**
   * List items, map entries and nested messages in one message to be decoded, together; items of one
   * list or map to be encoded. @default 1_048_576
   */
  readonly maxItems?: number;
  /** Records of one batch. @default 65_536 */
  readonly maxBatch?: number;
}

/** Every bound decided. */
export type ResolvedLimits = Required<Limits>;

export const usualMaxBytes = 67_108_864;

const usual = /* @__PURE__ */ Object.freeze({
  maxBytes: usualMaxBytes,
  maxDepth: 100,
  maxStringBytes: 16_777_216,
  maxItems: 1_048_576,
  maxBatch: 65_536,
}) satisfies ResolvedLimits;

/** What each bound may be at most, and how many there may be without a limit. */
const highest: ResolvedLimits = /* @__PURE__ */ Object.freeze({
  maxBytes: 2_147_483_647,
  maxDepth: 256,
  maxStringBytes: 536_870_888,
  maxItems: 2_147_483_647,
  maxBatch: 1_048_576,
});

/** Depth at most, unless `maxDepth` says otherwise. */
const usualDepth: Readonly<Record<Profile, number>> = /* @__PURE__ */ Object.freeze({
  protobuf: 100,
  king: 32,
});

/** @throws {KingError} `KING_IIBIN_OPTION_INVALID` for a bound that is no integer in its range. */
export function resolveLimits(given: Limits | undefined, profile: Profile): ResolvedLimits {
  const resolved = { ...usual, maxDepth: usualDepth[profile] };
  if (given === undefined) return resolved;
  for (const key of Object.keys(usual) as (keyof Limits)[]) {
    const value = given[key];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 0 || value > highest[key])
      throw iibinErrors.create(
        "KING_IIBIN_OPTION_INVALID",
        `${key}: expected an integer from 0 to ${highest[key]}, got ${describeValue(value)}`,
        { option: key },
      );
    (resolved as Record<string, number>)[key] = value;
  }
  return resolved;
}
