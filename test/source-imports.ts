import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

/** One import of a source file, static or dynamic, or an export from another module. */
export interface SourceImport {
  /** Path of the importing file from the workspace's folder: `src/index.ts`. */
  file: string;
  specifier: string;
  /** Whether it vanishes when types are stripped. */
  typeOnly: boolean;
}

/** Every import in the `src` folder of a workspace. */
export function importsOf(folder: string): SourceImport[] {
  return globSync("src/**/*.ts", { cwd: folder })
    .sort()
    .flatMap((file) => importsOfFile(join(folder, file), file));
}

/** The imports of all files that `entry` reaches by relative imports that survive type stripping. */
export function reachableImports(entry: string): SourceImport[] {
  const folder = dirname(entry);
  const seen = new Set<string>();
  const found: SourceImport[] = [];
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const each of importsOfFile(path, relative(folder, path))) {
      if (each.typeOnly) continue;
      found.push(each);
      if (each.specifier.startsWith(".")) visit(resolve(dirname(path), each.specifier));
    }
  };
  visit(entry);
  return found;
}

function importsOfFile(path: string, file: string): SourceImport[] {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest);
  const found: SourceImport[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const typeOnly = ts.isImportDeclaration(node)
        ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
        : node.isTypeOnly;
      if (node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
        found.push({ file, specifier: node.moduleSpecifier.text, typeOnly });
      }
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [specifier] = node.arguments;
      if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
        found.push({ file, specifier: specifier.text, typeOnly: false });
      }
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const { literal } = node.argument;
      if (ts.isStringLiteral(literal)) {
        found.push({ file, specifier: literal.text, typeOnly: true });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
