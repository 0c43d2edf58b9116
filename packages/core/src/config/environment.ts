import { checkValue } from "./config.ts";
import { environmentName } from "./environment-name.ts";
import type { ConfigIssue } from "./errors.ts";
import type { ConfigKey } from "./key.ts";
import { nearestName } from "./nearest-name.ts";
import type { Section } from "./section.ts";

/** Environment variables, and how to read the files that `KING_..._FILE` names. */
export interface EnvironmentSource {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Reads a secret's file as text; `environmentFrom` of `@king-runtime/core/node` brings one. */
  readonly readFile?: (path: string) => string;
}

/** The environment as a layer of a config; see `environmentFrom` of `@king-runtime/core/node`. */
export interface EnvironmentLayer {
  /** The values by section and key; what cannot be read joins `issues`. */
  read(
    sections: readonly Section[],
    issues: ConfigIssue[],
  ): Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * Makes the `environment` of `defineConfig` from variables: `tls.minVersion` is
 * `KING_TLS_MIN_VERSION`, a list is separated by commas, the file of a secret is named by
 * `KING_..._FILE`. A `KING_*` variable of no section is refused.
 */
export function environmentLayer(source: EnvironmentSource): EnvironmentLayer {
  return { read: (sections, issues) => readEnvironment(sections, source, issues) };
}

function readEnvironment(
  sections: readonly Section[],
  source: EnvironmentSource,
  issues: ConfigIssue[],
): Record<string, Record<string, unknown>> {
  const known = new Map<string, { section: string; name: string; key: ConfigKey; file: boolean }>();
  const values: Record<string, Record<string, unknown>> = Object.create(null);
  for (const section of sections) {
    for (const [name, key] of Object.entries(section.keys)) {
      const entry = { section: section.name, name, key };
      const variable = environmentName(section.name, name);
      known.set(variable, { ...entry, file: false });
      if (key.secret) known.set(`${variable}_FILE`, { ...entry, file: true });
    }
  }
  for (const [variable, text] of Object.entries(source.variables)) {
    if (text === undefined || !variable.startsWith("KING_")) continue;
    const entry = known.get(variable);
    if (entry === undefined) {
      const near = nearestName(variable, known.keys());
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      issues.push({ key: variable, message: `${variable}: no such setting${hint}` });
      continue;
    }
    values[entry.section] ??= Object.create(null);
    const section = values[entry.section] as Record<string, unknown>;
    if (Object.hasOwn(section, entry.name)) {
      const message = `${variable}: expected the value or its _FILE, got both`;
      issues.push({ key: variable, message });
      continue;
    }
    const raw = entry.file
      ? readSecret(variable, text, source, issues)
      : parseText(text, entry.key);
    if (raw === undefined) continue;
    const { value, message } = checkValue(variable, entry.key, raw);
    if (message === undefined) section[entry.name] = value;
    else issues.push({ key: variable, message });
  }
  return values;
}

/** The secret in the file at `path`; `undefined`, and an issue, when it cannot be read. */
function readSecret(
  variable: string,
  path: string,
  source: EnvironmentSource,
  issues: ConfigIssue[],
): string | undefined {
  const refuse = (message: string) =>
    void issues.push({ key: variable, message: `${variable}: ${message}` });
  if (source.readFile === undefined) {
    refuse("expected an environment made by environmentFrom(), which reads files");
    return undefined;
  }
  try {
    // Files written with an editor end in a newline that is not part of the secret.
    return source.readFile(path).replace(/\r?\n$/, "");
  } catch (cause) {
    // The code alone: a message could hold what is not to be shown.
    const code = (cause as { code?: unknown } | undefined)?.code;
    refuse(`expected a readable file${typeof code === "string" ? `, got ${code}` : ""}`);
    return undefined;
  }
}

/** Text that does not parse stays as it is, for the key's own schema to refuse. */
function parseText(text: string, key: ConfigKey): unknown {
  switch (key.kind) {
    case "boolean":
      return text === "true" || text === "1"
        ? true
        : text === "false" || text === "0"
          ? false
          : text;
    case "integer":
      return /^-?\d{1,16}$/.test(text) ? Number(text) : text;
    case "list":
      return text === "" ? [] : text.split(",").map((item) => item.trim());
    default:
      return text;
  }
}
