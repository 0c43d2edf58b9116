import type { ProtoFile, ProtoImport } from "./proto-file.ts";

/**
 * Refuses files that import themselves, at once or by way of others.
 *
 * @throws {KingError} `KING_IIBIN_PROTO_INVALID` at the import that leads back.
 */
export function checkImportCycles(files: ReadonlyMap<string, ProtoFile>): void {
  const done = new Set<ProtoFile>();
  for (const root of files.values()) {
    if (done.has(root)) continue;
    // Not by recursion: a chain of imports can be as long as there are files. Of each file of the
    // chain, how many of its imports were followed.
    const chain = new Map<ProtoFile, number>([[root, 0]]);
    const path = [root];
    for (let file: ProtoFile | undefined = root; file !== undefined; file = path.at(-1)) {
      const index = chain.get(file) as number;
      const next = file.imports[index];
      if (next === undefined) {
        done.add(file);
        chain.delete(file);
        path.pop();
        continue;
      }
      chain.set(file, index + 1);
      const imported = files.get(next.path);
      if (imported === undefined || done.has(imported)) continue;
      if (chain.has(imported)) throw cycle(file, next, path.slice(path.indexOf(imported)));
      chain.set(imported, 0);
      path.push(imported);
    }
  }
}

const mostNames = 8;

function cycle(file: ProtoFile, { at, path }: ProtoImport, around: readonly ProtoFile[]): Error {
  const names = around.slice(0, mostNames).map(({ source }) => JSON.stringify(source.file));
  const more = around.length > mostNames ? " imports others, of which the last" : "";
  const way =
    around.length === 1
      ? "itself"
      : `a cycle: ${names.join(" imports ")}${more} imports ${JSON.stringify(path)}`;
  return file.source.invalid(at, `expected an import of another file, got ${way}`);
}
