import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { listPackages, root } from "../workspace.ts";

/** One code of a plane's `defineErrors` table. */
export interface DocumentedError {
  code: string;
  category: string;
  retryable: boolean;
  /** When it is thrown. */
  meaning: string;
  /** What to do about it. */
  remedy: string;
  /** The package that throws it. */
  thrower: string;
}

/**
 * Every error code of every published package, read from the sources: the meaning is the doc comment
 * above the code, and the remedy its `@remedy` tag.
 *
 * @throws Error naming the place when a code lacks either, or two packages own the same code.
 */
export function documentedErrors(): DocumentedError[] {
  const all = listPackages().flatMap(({ folder, manifest }) =>
    globSync("src/**/*.ts", { cwd: folder })
      .sort()
      .flatMap((file) => errorsOfFile(join(folder, file), manifest.name)),
  );
  const owners = new Map<string, string>();
  for (const { code, thrower } of all) {
    const other = owners.get(code);
    if (other !== undefined) throw new Error(`${code}: declared by ${other} and by ${thrower}`);
    owners.set(code, thrower);
  }
  return all;
}

function errorsOfFile(path: string, thrower: string): DocumentedError[] {
  const text = readFileSync(path, "utf8");
  if (!text.includes("defineErrors(")) return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: DocumentedError[] = [];
  const visit = (node: ts.Node): void => {
    if (isCallOf(node, "defineErrors")) {
      const [table] = node.arguments;
      if (table !== undefined && ts.isObjectLiteralExpression(table)) {
        found.push(...table.properties.map((each) => readCode(each, thrower)));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function readCode(node: ts.ObjectLiteralElementLike, thrower: string): DocumentedError {
  const fail = (message: string) => new Error(`${placeOf(node)}: ${message}`);
  if (!ts.isPropertyAssignment(node) || !isCallOf(node.initializer, "errorCode")) {
    throw fail("expected CODE: errorCode(...)");
  }
  const code = node.name.getText();
  const [category, options] = node.initializer.arguments;
  if (category === undefined || !ts.isStringLiteral(category)) {
    throw fail(`${code}: expected a category as a string literal`);
  }
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const meaning = oneLine(comment?.comment);
  const remedy = oneLine(comment?.tags?.find(({ tagName }) => tagName.text === "remedy")?.comment);
  if (meaning === "") throw fail(`${code}: expected a doc comment that says when it is thrown`);
  if (remedy === "") throw fail(`${code}: expected a @remedy tag`);
  return {
    code,
    category: category.text,
    retryable: /\bretryable: true\b/.test(options?.getText() ?? ""),
    meaning,
    remedy,
    thrower,
  };
}

function isCallOf(node: ts.Node, name: string): node is ts.CallExpression {
  return (
    ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === name
  );
}

function oneLine(comment: string | ts.NodeArray<ts.JSDocComment> | undefined): string {
  return (ts.getTextOfJSDocComment(comment) ?? "").replace(/\s+/g, " ").trim();
}

function placeOf(node: ts.Node): string {
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  return `${relative(root, source.fileName)}:${line + 1}`;
}
