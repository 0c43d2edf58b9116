import { checkValue, freeze, type HasSection, locked, same } from "./config.ts";
import { describeValue } from "./describe-value.ts";
import { configErrors } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";
import type { Section, SectionValues } from "./section.ts";

/** Beside the section: what else a call takes, and the config it was given. */
export interface ResolveOptions<S extends Section> {
  config?: HasSection<S> | undefined;
  /** Option names that are not keys of the section, such as `"signal"`. */
  others?: readonly string[];
}

/**
 * The settings a call works with: its own options where given, else the config's values, else the
 * defaults; validated and frozen. The caller's object is not changed.
 *
 * @throws {KingError} KING_OPTION_INVALID for an unknown name or unacceptable value;
 * KING_CONFIG_LOCKED when an option differs from a locked value (security keys are locked also
 * without a config); KING_CONFIG_SECTION_MISSING, KING_CONFIG_SECTION_VERSION.
 */
export function resolveOptions<S extends Section>(
  section: S,
  options: object = {},
  { config, others = [] }: ResolveOptions<NoInfer<S>> = {},
): SectionValues<S> {
  checkObject("options", options);
  if (config !== undefined && typeof config?.section !== "function") {
    throw optionError("config", "expected a config, as defineConfig gives it");
  }
  const base = config?.section(section) as Readonly<Record<string, unknown>> | undefined;
  const values: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(section.keys)) {
    values[name] = base === undefined ? key.default : base[name];
  }
  for (const [name, raw] of Object.entries(options)) {
    if (raw === undefined || others.includes(name) || name === "config") continue;
    const key = Object.hasOwn(section.keys, name) ? section.keys[name] : undefined;
    if (key === undefined) {
      throw unknownOption(name, [...Object.keys(section.keys), ...others]);
    }
    const { value, message } = checkValue(name, key, raw);
    if (message !== undefined) {
      throw configErrors.create("KING_OPTION_INVALID", message, { option: name });
    }
    const id = `${section.name}.${name}`;
    const isLocked = config === undefined ? key.security === true : config.isLocked(id);
    if (isLocked && !same(value, values[name])) throw locked(id, key);
    values[name] = freeze(value);
  }
  return Object.freeze(values) as SectionValues<S>;
}

/** The error for an option that is not a key of a section: `name: message`. */
export function optionError(name: string, message: string) {
  return configErrors.create("KING_OPTION_INVALID", `${name}: ${message}`, { option: name });
}

/** @throws {KingError} KING_OPTION_INVALID for what is no object, or a list. */
export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw optionError(name, `expected an object, got ${describeValue(value)}`);
}

/** The error for an option that is not one of `known`. */
export function unknownOption(name: string, known: readonly string[]) {
  const near = nearestName(name, known);
  return optionError(name, `no such option${near === undefined ? "" : `; did you mean ${near}?`}`);
}
