import { checkOptions } from "../check-options.ts";
import { describeValue } from "../describe-value.ts";
import { iibinErrors } from "../errors.ts";
import { Registry } from "../registry.ts";
import { wellKnownTypes } from "../well-known/well-known-types.ts";
import { declareNames, declareType, enter } from "./declare-names.ts";
import { checkImportCycles } from "./import-cycle.ts";
import { Linker } from "./linker.ts";
import { parseProto } from "./parse-proto.ts";
import { ProtoSource } from "./proto-source.ts";
import { Scope } from "./scope.ts";
import { visibility } from "./visibility.ts";
import { wellKnownFileTypes } from "./well-known-files.ts";

/** How {@link importProto} goes about it. */
export interface ImportProtoOptions {
  /**
   * Keys of messages: `"camel"` makes `userId` of `user_id`, `"proto"` leaves names as they are; the
   * keys of protobuf's own types are in camel case either way.
   *
   * @default "camel"
   */
  readonly fieldNames?: "camel" | "proto";
  /** Largest size of all files together, as UTF-8. @default 4 MiB */
  readonly maxSourceBytes?: number;
  /** Most files. @default 1024 */
  readonly maxFiles?: number;
  /** Messages inside messages, the outermost counted. @default 32 */
  readonly maxNesting?: number;
  /** Fields of one message. @default 1024 */
  readonly maxFields?: number;
}

/** @internal */
export const usualLimits: Readonly<Required<ImportProtoOptions>> = Object.freeze({
  fieldNames: "camel",
  maxSourceBytes: 4 * 1024 * 1024,
  maxFiles: 1024,
  maxNesting: 32,
  maxFields: 1024,
});

/**
 * Makes schemas and enums, of profile `protobuf` and by their full names, from proto3: the text of
 * one file, or of several by the paths they import each other by. Protobuf's own files, such as
 * `google/protobuf/timestamp.proto`, need not be given; given ones are not read.
 *
 * Services and options are read over, except for `packed`, `json_name` and `allow_alias`.
 *
 * @throws {KingError} `KING_IIBIN_PROTO_INVALID` naming file, line, column and what was expected,
 * for proto2 and editions too; `KING_IIBIN_OPTION_INVALID`.
 */
export function importProto(
  source: string | Readonly<Record<string, string>>,
  options: ImportProtoOptions = {},
): Registry {
  const settings = settingsOf(options);
  const files = readSources(source, settings).map((each) => parseProto(each, settings));
  const root = new Scope("package", "");
  for (const file of files) declareNames(root, file);

  const known = wellKnownTypes();
  const registry = new Registry();
  const filesByPath = new Map(files.map((file) => [file.source.file, file]));
  const imported = new Set<string>();
  for (const file of files) {
    for (const { path, at } of file.imports) {
      const types = wellKnownFileTypes(path);
      if (types === undefined && !filesByPath.has(path))
        throw file.source.invalid(
          at,
          `expected a file that was given, got import ${JSON.stringify(path)}`,
        );
      if (types === undefined || imported.has(path)) continue;
      imported.add(path);
      for (const name of types) {
        const type = known.find(name);
        if (type === undefined) continue;
        declareType(root, name, type.kind === "schema" ? "message" : "enum", path);
        registry.add(type);
      }
    }
  }
  checkImportCycles(filesByPath);
  const checks: (() => void)[] = [];
  for (const file of files) {
    const linker = new Linker(file, visibility(file, filesByPath, root), registry, settings);
    linker.defineBody(file, enter(root, file.package), checks);
  }
  for (const check of checks) check();
  return registry;
}

function settingsOf(options: ImportProtoOptions): Required<ImportProtoOptions> {
  checkOptions(options, Object.keys(usualLimits));
  const settings = { ...usualLimits };
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const expected =
      option === "fieldNames"
        ? value !== "camel" && value !== "proto" && '"camel" or "proto"'
        : !(Number.isSafeInteger(value) && value > 0) && "a positive integer";
    if (expected !== false)
      throw iibinErrors.create(
        "KING_IIBIN_OPTION_INVALID",
        `${option}: expected ${expected}, got ${String(value)}`,
        { option },
      );
    Object.assign(settings, { [option]: value });
  }
  return settings;
}

function readSources(
  source: string | Readonly<Record<string, string>>,
  { maxFiles, maxSourceBytes }: Required<ImportProtoOptions>,
): ProtoSource[] {
  if (typeof source !== "string" && !isFiles(source))
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `source: expected text, or an object of texts by path, got ${describeValue(source)}`,
      { option: "source" },
    );
  const given = typeof source === "string" ? [["input.proto", source]] : Object.entries(source);
  const encoder = new TextEncoder();
  let left = maxSourceBytes;
  const sources: ProtoSource[] = [];
  for (const [file = "", text] of given) {
    if (typeof text !== "string")
      throw iibinErrors.create(
        "KING_IIBIN_OPTION_INVALID",
        `source: expected the text of ${file}, got a value of type ${typeof text}`,
        { option: "source" },
      );
    if (wellKnownFileTypes(file) !== undefined) continue;
    const proto = new ProtoSource(file, text);
    // Text is at least as many bytes as it has code units, which spares encoding what is too long.
    left -= text.length > left ? text.length : encoder.encode(text).length;
    if (left < 0)
      throw proto.invalid(0, `expected at most ${maxSourceBytes} bytes in all files, got more`);
    if (sources.length === maxFiles)
      throw proto.invalid(0, `expected at most ${maxFiles} files, got another`);
    sources.push(proto);
  }
  return sources;
}

const isFiles = (source: unknown) =>
  typeof source === "object" && source !== null && !Array.isArray(source);
