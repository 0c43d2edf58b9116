import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { collectDefinitions } from "../collect-definitions.ts";
import { type Enum, isEnum } from "../enum.ts";
import { iibinErrors } from "../errors.ts";
import { isRegistry } from "../is-registry.ts";
import { importProto } from "../proto/import-proto.ts";
import { protoImports } from "../proto/proto-imports.ts";
import { wellKnownFileTypes } from "../proto/well-known-files.ts";
import { Registry } from "../registry.ts";
import { type AnySchema, isSchema } from "../schema.ts";

const moduleExtensions: readonly string[] = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];

/**
 * Reads the definitions of a `.proto` file and what it imports, or of a module that exports schemas,
 * enums, registries or lists of these, and what they refer to. Paths in imports are looked for in the
 * file's folder and those above it.
 *
 * @throws {KingError} `KING_IIBIN_OPTION_INVALID` when the file cannot be read or has nothing to
 * offer, `KING_IIBIN_PROTO_INVALID`, `KING_IIBIN_REGISTRY`.
 */
export async function loadDefinitions(file: string, cwd: string): Promise<Registry> {
  const path = resolve(cwd, file);
  const extension = extname(path);
  if (extension === ".proto") return importProto(await readProtos(file, path));
  if (!moduleExtensions.includes(extension))
    throw invalid(
      `${file}: expected a .proto file or a module (${moduleExtensions.join(", ")}), got "${extension}"`,
    );
  const exported = await importModule(file, path);
  const definitions = Object.values(exported).flatMap(definitionsIn);
  if (definitions.length === 0)
    throw invalid(`${file}: expected exports that are schemas, enums or registries, got none`);
  return new Registry(collectDefinitions(definitions).values());
}

async function importModule(file: string, path: string): Promise<Record<string, unknown>> {
  if (!existsSync(path)) throw invalid(`${file}: expected a file, got none`);
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalid(`${file}: expected a module that can be imported, got: ${why}`, error);
  }
}

function definitionsIn(value: unknown): (Enum | AnySchema)[] {
  if (isRegistry(value)) return [...value.schemas(), ...value.enums()];
  if (Array.isArray(value)) return value.flatMap(definitionsIn);
  return isDefinition(value) ? [value] : [];
}

/** Other libraries have things of a kind "schema" too. */
function isDefinition(value: unknown): value is Enum | AnySchema {
  if (!(isSchema(value) || isEnum(value)) || typeof value.name !== "string") return false;
  return isEnum(value)
    ? typeof value.members === "object"
    : value.profile === "protobuf" || value.profile === "king";
}

/** The file and all it imports, by the paths it is imported by. */
async function readProtos(file: string, path: string): Promise<Record<string, string>> {
  const texts = new Map([[file, await readText(file, path)]]);
  // The map grows while it is read.
  for (const [name, text] of texts) {
    for (const imported of protoImports(name, text)) {
      if (texts.has(imported) || wellKnownFileTypes(imported) !== undefined) continue;
      const found = findAbove(dirname(path), imported);
      // What is missing, importProto refuses, and says where it is imported.
      if (found !== undefined) texts.set(imported, await readText(imported, found));
    }
  }
  return Object.fromEntries(texts);
}

async function readText(file: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw code === "ENOENT"
      ? invalid(`${file}: expected a file, got none`)
      : invalid(`${file}: expected a file that can be read, got ${code}`, error);
  }
}

function findAbove(folder: string, path: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, path);
    if (existsSync(candidate)) return candidate;
    if (basename(at) === "") return undefined;
  }
}

function invalid(message: string, cause?: unknown): Error {
  return iibinErrors.create(
    "KING_IIBIN_OPTION_INVALID",
    message,
    { option: "file" },
    ...(cause === undefined ? [] : [{ cause }]),
  );
}
