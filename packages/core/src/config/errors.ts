import { defineErrors, errorCode } from "../errors.ts";

/** One value that a config refuses. */
export interface ConfigIssue {
  /** `section.key`, or the name of the environment variable or option. */
  readonly key: string;
  readonly message: string;
}

export const configErrors = defineErrors({
  /**
   * A value or name in the operator's file, the environment or the overrides is not acceptable, or
   * the sections do not go together; all that is wrong is listed.
   * @remedy Correct what the message lists; `king config explain` shows every key with its range.
   */
  KING_CONFIG_INVALID: errorCode<{ issues: readonly ConfigIssue[] }>("validation"),
  /**
   * An override or an option of a call touches a key that the operator has locked, or that is locked
   * because it weakens security.
   * @remedy Drop the override, or have the operator list the key under `policy.unlock`.
   */
  KING_CONFIG_LOCKED: errorCode<{ key: string; policy: string }>("unauthorized"),
  /**
   * A plane was given a config that was defined without the plane's section.
   * @remedy Add the section to `defineConfig({ sections })`.
   */
  KING_CONFIG_SECTION_MISSING: errorCode<{ section: string }>("validation"),
  /**
   * A section of that name is there, in another version: two copies of a plane have met.
   * @remedy Install one version of the plane (`npm dedupe`).
   */
  KING_CONFIG_SECTION_VERSION: errorCode<{ section: string; expected: number; actual: number }>(
    "state",
  ),
  /**
   * An option of a call is unknown or its value is not acceptable.
   * @remedy Correct the option the message names.
   */
  KING_OPTION_INVALID: errorCode<{ option: string }>("validation"),
});
