/** A table of GitHub-flavoured Markdown; a bar inside a cell is escaped. */
export function markdownTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return [line(heading), `|${"---|".repeat(heading.length)}\n`, ...rows.map(line)].join("");
}
