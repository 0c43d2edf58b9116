/** Rows as lines, the columns of each below each other; the last column is as wide as it is. */
export function printTable(rows: readonly (readonly string[])[], indent = ""): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => cell.padEnd(widths[i] ?? 0));
      return `${indent}${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}
