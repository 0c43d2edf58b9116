import { describeValue } from "./describe-value.ts";
import { iibinErrors } from "./errors.ts";

/**
 * What is wrong with options: they are no object, or have a name that nobody reads and somebody
 * misspelled. Names that are `undefined` are passed over.
 *
 * @internal
 */
export function optionFault(
  options: unknown,
  known: readonly string[],
): { readonly option: string; readonly message: string } | undefined {
  if (options === undefined) return undefined;
  if (typeof options !== "object" || options === null || Array.isArray(options))
    return {
      option: "options",
      message: `options: expected an object, got ${describeValue(options)}`,
    };
  for (const option of Object.keys(options))
    if (!known.includes(option) && (options as Record<string, unknown>)[option] !== undefined)
      return {
        option,
        message: `${option}: expected ${known.length > 0 ? `one of ${known.join(", ")}` : "no option here"}`,
      };
  return undefined;
}

/**
 * Refuses options with a name nobody reads, and options that are no object.
 *
 * @throws {KingError} `KING_IIBIN_OPTION_INVALID`.
 * @internal
 */
export function checkOptions(options: unknown, known: readonly string[]): void {
  const fault = optionFault(options, known);
  if (fault === undefined) return;
  const { option, message } = fault;
  throw iibinErrors.create("KING_IIBIN_OPTION_INVALID", message, { option });
}

/**
 * Refuses an option that is none of its choices; absent it may be.
 *
 * @throws {KingError} `KING_IIBIN_OPTION_INVALID`.
 * @internal
 */
export function checkChoice(option: string, value: unknown, choices: readonly unknown[]): void {
  if (value === undefined || choices.includes(value)) return;
  throw iibinErrors.create(
    "KING_IIBIN_OPTION_INVALID",
    `${option}: expected ${choices.join(" or ")}, got ${describeValue(value)}`,
    { option },
  );
}
