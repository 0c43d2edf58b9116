import { acceptedValues, defaultOf } from "./config-page.ts";
import { markdownTable } from "./markdown-table.ts";
import type { PlaneSections } from "./plane-sections.ts";

/** `docs/limits.md`: everything that is bounded, by what it is counted in. */
export function limitsPage(planes: readonly PlaneSections[]): string {
  const limits = planes.flatMap((plane) =>
    plane.sections.flatMap((section) =>
      Object.entries(section.keys)
        .filter(([, key]) => key.kind === "integer" && key.unit !== undefined)
        .map(([name, key]) => ({ id: `${section.name}.${name}`, key, package: plane.package })),
    ),
  );
  const chapter = (title: string, wanted: (unit: string) => boolean): string => {
    const rows = limits
      .filter(({ key }) => wanted(key.unit ?? ""))
      .map(({ id, key, package: owner }) => [
        `\`${id}\``,
        defaultOf(key),
        acceptedValues(key),
        `\`${owner}\``,
        key.doc,
      ]);
    return `## ${title}\n\n${markdownTable(["key", "default", "range", "package", "what is bounded"], rows)}`;
  };
  return `# Limits

<!-- Written by \`npm run docs\` from the sources: change the sections there. -->

Every buffer, queue, header block, retry and wait has a limit with a default. Each is a key of the
configuration; see [config.md](config.md) for how to set it.

${[
  chapter("Sizes in bytes", (unit) => unit === "bytes"),
  chapter("Times in milliseconds", (unit) => unit === "ms"),
  chapter("Counts", (unit) => unit !== "bytes" && unit !== "ms"),
].join("\n")}`;
}
