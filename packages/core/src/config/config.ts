import { safeParse } from "valibot";
import { describeValue } from "./describe-value.ts";
import type { EnvironmentLayer } from "./environment.ts";
import { environmentName } from "./environment-name.ts";
import { type ConfigIssue, configErrors } from "./errors.ts";
import type { ConfigKey } from "./key.ts";
import { nearestName } from "./nearest-name.ts";
import type { KeyName, KeyValue, Section, SectionOverrides, SectionValues } from "./section.ts";

/** Which layer a value came from; a later one wins over an earlier one. */
export type ConfigOrigin = "default" | "operator" | "environment" | "overrides";

/** What the operator allows others to change. */
export interface ConfigPolicy {
  /** Whether a workflow may override at all. @default "allow" */
  readonly overrides?: "allow" | "forbid";
  /** Keys (`"http.maxBodyBytes"` or `"http.*"`) that neither overrides nor options of a call change. */
  readonly lock?: readonly string[];
  /** Security keys that may be changed; all others of them are locked. */
  readonly unlock?: readonly string[];
}

/** The operator's layer, as in `king.config.json`: a policy, and values by section and key. */
export interface OperatorLayer {
  readonly policy?: ConfigPolicy;
  readonly [section: string]: unknown;
}

/** All there is to know about one key of a config. Secrets are redacted. */
export interface ConfigExplanation {
  readonly key: string;
  readonly value: unknown;
  readonly default: unknown;
  readonly from: ConfigOrigin;
  /** Whether overrides and options of a call may not change it. */
  readonly locked: boolean;
  readonly security: boolean;
  readonly unit?: string;
  readonly expected: string;
  readonly doc: string;
  readonly environmentName: string;
}

/** What a plane asks of a config: that it was defined with the plane's section. */
export interface HasSection<S extends Section> {
  readonly sections: { readonly [Name in S["name"]]: S };
  section(section: S): SectionValues<S>;
  isLocked(key: string): boolean;
}

/** An immutable snapshot of settings. */
export interface Config<S extends Section = Section> {
  /** The sections it was defined with, by name. */
  readonly sections: { readonly [Each in S as Each["name"]]: Each };
  /**
   * The values of a section, frozen.
   *
   * @throws {KingError} KING_CONFIG_SECTION_MISSING, KING_CONFIG_SECTION_VERSION
   */
  section<Each extends S>(section: Each): SectionValues<Each>;
  /** One value by name. */
  get<Name extends KeyName<S>>(key: Name): KeyValue<S, Name>;
  /**
   * A new snapshot with `overrides` laid over this one.
   *
   * @throws {KingError} KING_CONFIG_INVALID, KING_CONFIG_LOCKED
   */
  with(overrides: SectionOverrides<S>): Config<S>;
  /** Whether options of a call may not change `key`. */
  isLocked(key: string): boolean;
  /** Where the value of one key, or of every key, comes from and what it means. */
  explain(key: KeyName<S>): ConfigExplanation;
  explain(): readonly ConfigExplanation[];
  /** The values by section and key, secrets redacted, `Infinity` as the word. */
  toJSON(): Record<string, Record<string, unknown>>;
}

/** What {@link defineConfig} is given. */
export interface DefineConfigOptions<S extends Section> {
  sections: readonly S[];
  /** The operator's file, parsed; `readOperatorFile` of `@king-runtime/core/node` reads one. */
  operator?: OperatorLayer;
  /** Variables, handed in by the application: no library reads the environment by itself. */
  environment?: EnvironmentLayer;
  /** The workflow's layer. */
  overrides?: SectionOverrides<S>;
}

const redacted = "[redacted]";

interface Entry {
  readonly section: Section;
  readonly name: string;
  readonly key: ConfigKey;
  readonly value: unknown;
  readonly from: ConfigOrigin;
  readonly locked: boolean;
}

/**
 * Validates every layer once and freezes the outcome. Overrides win over the environment, that over
 * the operator's file, that over the defaults; a locked key takes its value from the operator
 * alone, whose are the file and the environment.
 *
 * @throws {KingError} KING_CONFIG_INVALID listing all that is wrong, also when two sections share a
 * name or variable, or a default is not acceptable; KING_CONFIG_LOCKED for an override that the
 * operator's policy forbids.
 */
export function defineConfig<const S extends Section>(options: DefineConfigOptions<S>): Config<S> {
  const { sections, operator = {}, environment, overrides = {} } = options;
  const issues: ConfigIssue[] = [];
  const { policy = {}, $schema: _, ...operatorValues } = operator;
  const locks = readPolicy(sections, policy, issues);
  const entries = new Map<string, Entry>();
  const taken = new Set<string>();
  const take = (name: string) => {
    if (taken.has(name)) issues.push({ key: name, message: `${name}: expected once, got twice` });
    taken.add(name);
  };
  for (const section of sections) {
    take(section.name);
    for (const [name, key] of Object.entries(section.keys)) {
      const id = `${section.name}.${name}`;
      const variable = environmentName(section.name, name);
      take(variable);
      if (key.secret) take(`${variable}_FILE`);
      const { message } = checkValue(id, key, key.default);
      if (message !== undefined && key.default !== undefined) issues.push({ key: id, message });
      const value = freeze(key.default);
      entries.set(id, { section, name, key, value, from: "default", locked: locks(id, key) });
    }
  }
  layer(entries, sections, operatorValues, "operator", issues);
  const variables = environment?.read(sections, issues) ?? {};
  layer(entries, sections, variables, "environment", issues);
  const forbidden = policy?.overrides === "forbid";
  layer(entries, sections, overrides, "overrides", issues, forbidden);
  return snapshot(sections, entries, forbidden);
}

function snapshot<S extends Section>(
  sections: readonly S[],
  entries: ReadonlyMap<string, Entry>,
  overridesForbidden: boolean,
): Config<S> {
  const byName: Record<string, Section> = Object.create(null);
  const values = new Map<string, Record<string, unknown>>();
  for (const section of sections) {
    byName[section.name] = section;
    values.set(section.name, {});
  }
  for (const { section, name, value } of entries.values()) {
    (values.get(section.name) as Record<string, unknown>)[name] = value;
  }
  for (const each of values.values()) Object.freeze(each);

  const find = (key: string): Entry => {
    const entry = entries.get(key);
    if (entry !== undefined) return entry;
    throw invalid([{ key, message: `${key}: no such setting${hint(key, entries.keys())}` }]);
  };
  const explain = ({ section, name, key, value, from, locked }: Entry): ConfigExplanation => ({
    key: `${section.name}.${name}`,
    value: key.secret && value !== undefined ? redacted : value,
    default: key.secret && key.default !== undefined ? redacted : key.default,
    from,
    locked,
    security: key.security ?? false,
    ...(key.unit === undefined ? {} : { unit: key.unit }),
    expected: key.expected,
    doc: key.doc,
    environmentName: environmentName(section.name, name),
  });

  return Object.freeze({
    sections: Object.freeze(byName) as Config<S>["sections"],
    section<Each extends S>(wanted: Each) {
      const own = byName[wanted.name];
      if (own === undefined) {
        throw configErrors.create(
          "KING_CONFIG_SECTION_MISSING",
          `expected a config defined with the section "${wanted.name}", got one with ${list(Object.keys(byName))}`,
          { section: wanted.name },
        );
      }
      if (own.version !== wanted.version) {
        throw configErrors.create(
          "KING_CONFIG_SECTION_VERSION",
          `section "${wanted.name}": expected version ${wanted.version}, got ${own.version}`,
          { section: wanted.name, expected: wanted.version, actual: own.version },
        );
      }
      return values.get(wanted.name) as SectionValues<Each>;
    },
    get<Name extends KeyName<S>>(key: Name) {
      return find(key).value as KeyValue<S, Name>;
    },
    with(overrides: SectionOverrides<S>) {
      const next = new Map(entries);
      layer(next, sections, overrides, "overrides", [], overridesForbidden);
      return snapshot(sections, next, overridesForbidden);
    },
    isLocked: (key: string) => entries.get(key)?.locked ?? false,
    explain: ((key?: KeyName<S>) =>
      key === undefined
        ? [...entries.values()].map(explain)
        : explain(find(key))) as Config<S>["explain"],
    toJSON() {
      const json: Record<string, Record<string, unknown>> = {};
      for (const { section, name, key, value } of entries.values()) {
        const shown = key.secret && value !== undefined ? redacted : value;
        json[section.name] ??= {};
        (json[section.name] as Record<string, unknown>)[name] =
          shown === Number.POSITIVE_INFINITY ? "Infinity" : shown;
      }
      return json;
    },
  });
}

/** Lays `values` over `entries` and throws when there is anything wrong so far. */
function layer(
  entries: Map<string, Entry>,
  sections: readonly Section[],
  values: Readonly<Record<string, unknown>>,
  from: ConfigOrigin,
  issues: ConfigIssue[],
  forbidden = false,
): void {
  for (const [sectionName, group] of Object.entries(values)) {
    if (group === undefined) continue;
    if (!sections.some((section) => section.name === sectionName)) {
      const names = sections.map((section) => section.name);
      const message = `${sectionName}: no such section${hint(sectionName, names)}`;
      issues.push({ key: sectionName, message });
      continue;
    }
    if (typeof group !== "object" || group === null || Array.isArray(group)) {
      const message = `${sectionName}: expected an object, got ${describeValue(group)}`;
      issues.push({ key: sectionName, message });
      continue;
    }
    for (const [name, raw] of Object.entries(group)) {
      if (raw === undefined) continue;
      const id = `${sectionName}.${name}`;
      const entry = entries.get(id);
      if (entry === undefined) {
        issues.push({ key: id, message: `${id}: no such setting${hint(id, entries.keys())}` });
        continue;
      }
      const { value, message } = checkValue(id, entry.key, raw);
      if (message !== undefined) {
        issues.push({ key: id, message });
      } else if (from === "overrides" && (forbidden || entry.locked) && !same(value, entry.value)) {
        throw locked(id, entry.key, forbidden);
      } else {
        entries.set(id, { ...entry, value: freeze(value), from });
      }
    }
  }
  // Overrides come last, so that all layers have been read when something is refused.
  if (issues.length > 0 && from === "overrides") throw invalid(issues);
}

/** The value as the key takes it, or what is wrong with it. */
export function checkValue(
  label: string,
  key: ConfigKey,
  raw: unknown,
): { value?: unknown; message?: string } {
  const candidate = key.unlimited && raw === "Infinity" ? Number.POSITIVE_INFINITY : raw;
  const result = safeParse(key.schema, candidate);
  if (result.success) return { value: result.output };
  const got = key.secret ? "a value that is not shown" : describeValue(raw);
  return { message: `${label}: expected ${key.expected}, got ${got}` };
}

/** The error for touching a locked key, or any when overrides are forbidden. */
export function locked(id: string, key: ConfigKey, forbidden = false) {
  const policy = forbidden
    ? "policy.overrides is forbid"
    : key.security
      ? "a security setting, not in policy.unlock"
      : "in policy.lock";
  return configErrors.create(
    "KING_CONFIG_LOCKED",
    `${id}: expected the operator's value, got another; ${policy}`,
    { key: id, policy },
  );
}

function readPolicy(
  sections: readonly Section[],
  policy: ConfigPolicy,
  issues: ConfigIssue[],
): (id: string, key: ConfigKey) => boolean {
  const ids = sections.flatMap(({ name, keys }) => [
    `${name}.*`,
    ...Object.keys(keys).map((key) => `${name}.${key}`),
  ]);
  const refuse = (key: string, message: string) =>
    issues.push({ key, message: `${key}: ${message}` });
  const names = (field: "lock" | "unlock"): readonly string[] => {
    const given: unknown = policy[field] ?? [];
    if (!Array.isArray(given)) {
      refuse(`policy.${field}`, `expected a list of keys, got ${describeValue(given)}`);
      return [];
    }
    for (const id of given) {
      if (!ids.includes(id))
        refuse(`policy.${field}`, `no setting ${describeValue(id)}${hint(String(id), ids)}`);
    }
    return given;
  };
  if (typeof policy !== "object" || policy === null) {
    refuse("policy", `expected an object, got ${describeValue(policy)}`);
    return () => true;
  }
  for (const field of Object.keys(policy)) {
    if (!["overrides", "lock", "unlock"].includes(field))
      refuse(`policy.${field}`, "no such setting");
  }
  if (![undefined, "allow", "forbid"].includes(policy.overrides)) {
    refuse(
      "policy.overrides",
      `expected "allow" or "forbid", got ${describeValue(policy.overrides)}`,
    );
  }
  const lock = names("lock");
  const unlock = names("unlock");
  const matches = (list: readonly string[], id: string) =>
    list.includes(id) || list.includes(`${id.slice(0, id.indexOf("."))}.*`);
  return (id, key) => matches(lock, id) || (key.security === true && !matches(unlock, id));
}

const mostListed = 20;

function invalid(issues: readonly ConfigIssue[]) {
  const lines = issues.slice(0, mostListed).map((issue) => issue.message);
  if (issues.length > mostListed) lines.push(`and ${issues.length - mostListed} more`);
  return configErrors.create("KING_CONFIG_INVALID", lines.join("\n"), { issues });
}

function hint(name: string, names: Iterable<string>): string {
  const near = nearestName(name, names);
  return near === undefined ? "" : `; did you mean ${near}?`;
}

const list = (names: readonly string[]) =>
  names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");

/** The value as a snapshot holds it: a list is a frozen copy. */
export function freeze(value: unknown): unknown {
  return Array.isArray(value) ? Object.freeze([...value]) : value;
}

/** Whether two values of a key are equal: lists by their items. */
export function same(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
