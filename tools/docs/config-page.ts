import { type ConfigKey, environmentName, type Section } from "@king-runtime/core";
import { markdownTable } from "./markdown-table.ts";
import type { PlaneSections } from "./plane-sections.ts";

/** `docs/config.md`: every key of every section. */
export function configPage(planes: readonly PlaneSections[]): string {
  const chapters = planes.flatMap((plane) =>
    plane.sections.map((section) => sectionChapter(section, plane.package)),
  );
  return `# Configuration

<!-- Written by \`npm run docs\` from the sources: change the sections there. -->

Settings are grouped into sections, each declared by the package that reads it and handed to
\`defineConfig\`. A value comes from the options of a call, else from the overrides, else from the
environment, else from the operator's file (\`king.config.json\`), else it is the default. A key marked
as locked takes its value from the operator alone, unless \`policy.unlock\` names it.
[king.config.schema.json](king.config.schema.json) is the JSON Schema of the operator's file.

${chapters.join("\n")}`;
}

function sectionChapter(section: Section, packageName: string): string {
  const rows = Object.entries(section.keys).map(([name, key]) => [
    `\`${section.name}.${name}\``,
    key.kind,
    key.unit ?? "",
    acceptedValues(key),
    key.secret ? "" : defaultOf(key),
    [key.security ? "locked" : "", key.secret ? "secret" : ""].filter(Boolean).join(", "),
    `\`${environmentName(section.name, name)}\`${key.secret ? ", `_FILE`" : ""}`,
    key.doc,
  ]);
  const heading = ["key", "type", "unit", "range", "default", "marks", "environment", "meaning"];
  const doc = section.doc === "" ? "" : `${section.doc} `;
  return `## ${section.name}\n\n${doc}Read by \`${packageName}\`.\n\n${markdownTable(heading, rows)}`;
}

/** The default as it is written in the operator's file. */
export function defaultOf(key: ConfigKey): string {
  if (key.default === undefined) return "not set";
  if (key.default === Number.POSITIVE_INFINITY) return "`Infinity`";
  return typeof key.default === "number"
    ? grouped(key.default)
    : `\`${JSON.stringify(key.default)}\``;
}

/** The smallest and largest accepted number, or the accepted words. */
export function acceptedValues(key: ConfigKey): string {
  if (key.values !== undefined) {
    return key.values.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  }
  if (key.min === undefined || key.max === undefined) return "";
  const range =
    key.max === Number.MAX_SAFE_INTEGER
      ? `>= ${grouped(key.min)}`
      : `${grouped(key.min)} to ${grouped(key.max)}`;
  return key.unlimited ? `${range}, \`Infinity\`` : range;
}

const grouped = (value: number) => value.toLocaleString("en-US");
