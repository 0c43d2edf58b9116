import { enter } from "./declare-names.ts";
import type { ProtoFile } from "./proto-file.ts";
import type { Scope } from "./scope.ts";

/**
 * Whether a name can be used in a file: one of the file, of what it imports, of what that imports in
 * public, and so on; and the packages of all these.
 */
export function visibility(
  file: ProtoFile,
  files: ReadonlyMap<string, ProtoFile>,
  root: Scope,
): (scope: Scope) => boolean {
  const paths = new Set<string>();
  const packages = new Set<Scope>();
  const queue = [file.source.file];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (paths.has(path)) continue;
    paths.add(path);
    const each = files.get(path);
    let scope: Scope | undefined = enter(root, each?.package ?? "google.protobuf");
    for (; scope !== undefined && !packages.has(scope); scope = scope.parent) packages.add(scope);
    for (const next of each?.imports ?? [])
      if (next.isPublic || each === file) queue.push(next.path);
  }
  return (scope) => (scope.file === undefined ? packages.has(scope) : paths.has(scope.file));
}
