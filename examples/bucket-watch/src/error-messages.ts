/** What an operator is told of an error: its message and those of what caused it, without stacks. */
export function errorMessages(error: unknown): string {
  const lines: string[] = [];
  let next = error;
  // A chain that leads back to itself ends, too.
  for (let depth = 0; next !== undefined && depth < 10; depth++) {
    const message = next instanceof Error ? next.message || next.name : String(next);
    if (!lines.some((line) => line.includes(message)))
      lines.push(lines.length === 0 ? message : `  because: ${message}`);
    next = next instanceof Error ? (next.cause ?? (next as AggregateError).errors?.[0]) : undefined;
  }
  return lines.join("\n");
}
