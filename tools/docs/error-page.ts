import type { DocumentedError } from "./documented-errors.ts";
import { markdownTable } from "./markdown-table.ts";

/** `docs/errors.md`: every code with its meaning and remedy, by the package that throws it. */
export function errorPage(errors: readonly DocumentedError[]): string {
  const throwers = [...new Set(errors.map(({ thrower }) => thrower))];
  const chapters = throwers.map((thrower) => {
    const rows = errors
      .filter((each) => each.thrower === thrower)
      .map(({ code, category, retryable, meaning, remedy }) => [
        `\`${code}\``,
        category,
        retryable ? "yes" : "no",
        meaning,
        remedy,
      ]);
    return `## ${thrower}\n\n${markdownTable(["code", "category", "retryable", "thrown when", "what to do"], rows)}`;
  });
  return `# Errors

<!-- Written by \`npm run docs\` from the sources: change the doc comments there. -->

Every error is a \`KingError\`. Match on its \`code\`; for a code you do not know, fall back to its
\`category\`. \`retryable\` says whether the same call may succeed when it is repeated. The caller's own
abort rejects with \`signal.reason\`, untouched, and is not among these.

${chapters.join("\n")}`;
}
