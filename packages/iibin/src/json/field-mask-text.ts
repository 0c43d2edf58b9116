/** Paths in lower camel case with commas between; `undefined` when one could not be read back. */
export function formatFieldMask(paths: readonly string[]): string | undefined {
  const camel: string[] = [];
  for (const path of paths) {
    const written = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (/[_,]/.test(written) || written === "" || snakeCase(written) !== path) return undefined;
    camel.push(written);
  }
  return camel.join(",");
}

/** Paths in snake case, as messages hold them; `undefined` for text that has underscores already. */
export function parseFieldMask(text: string): string[] | undefined {
  if (text === "") return [];
  const paths = text.split(",");
  if (paths.some((path) => path === "" || path.includes("_"))) return undefined;
  return paths.map(snakeCase);
}

function snakeCase(path: string): string {
  return path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
