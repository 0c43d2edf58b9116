import { checkOptions } from "../check-options.ts";
import { collectDefinitions } from "../collect-definitions.ts";
import { describeValue } from "../describe-value.ts";
import { type Enum, isEnum } from "../enum.ts";
import { iibinErrors } from "../errors.ts";
import { type Field, lowerCamelCase } from "../field.ts";
import type { Registry } from "../registry.ts";
import { Reservations, tagRangeText } from "../reservations.ts";
import { isPackable } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";
import { isReservedTag } from "../tag-range.ts";
import { layOut, type Placed, type ProtoLayout } from "./proto-layout.ts";
import type { Scope } from "./scope.ts";

/** How {@link exportProto} goes about it. */
export interface ExportProtoOptions {
  /**
   * Package of the file. Names that begin with it are written without it, and the others become
   * part of it.
   *
   * @default what the names begin with, where that is no message
   */
  readonly package?: string;
}

/**
 * Writes definitions, and all they refer to, as one proto3 file. `shop.Order.Line` becomes a message
 * inside of `shop.Order`; protobuf's own types are imported.
 *
 * `required` and `default`, which proto3 lacks, become `optional` with a comment.
 *
 * @returns the text, which ends with a line feed.
 * @throws {KingError} `KING_IIBIN_PROTO_UNSUPPORTED` naming schema, field and rule: for names that are
 * no identifiers or clash, tags from 19,000 to 19,999, enums without a member 0, and definitions of
 * several packages; `KING_IIBIN_REGISTRY` when two definitions have one name,
 * `KING_IIBIN_SCHEMA_INVALID` when a type given by name or function is missing,
 * `KING_IIBIN_OPTION_INVALID`.
 */
export function exportProto(
  definitions: Registry | Iterable<Enum | AnySchema>,
  options: ExportProtoOptions = {},
): string {
  checkOptions(options, ["package"]);
  if (options.package !== undefined && typeof options.package !== "string")
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `package: expected text, got ${describeValue(options.package)}`,
      { option: "package" },
    );
  const layout = layOut(collectDefinitions(definitions), options.package);
  const imports = layout.imports.map((path) => `import "${path}";`);
  const lines = [
    'syntax = "proto3";',
    ...(layout.package === "" ? [] : ["", `package ${layout.package};`]),
    ...(imports.length === 0 ? [] : ["", ...imports]),
    ...layout.top.flatMap((placed) => ["", ...definitionLines(placed, layout)]),
  ];
  return `${lines.join("\n")}\n`;
}

function definitionLines(
  { name, definition, scope, inner }: Placed,
  layout: ProtoLayout,
): string[] {
  if (isEnum(definition)) return enumLines(name, definition);
  const body = inner.flatMap((placed) => [...definitionLines(placed, layout), ""]);
  const { ranges, names } = new Reservations(definition.reserved);
  if (ranges.length > 0) body.push(`reserved ${ranges.map(tagRangeText).join(", ")};`);
  if (names.size > 0)
    body.push(`reserved ${[...names].map((each) => quote(each, definition)).join(", ")};`);
  const written = new Set<string>();
  for (const field of definition.fields) {
    const { oneof } = field;
    if (oneof === undefined) body.push(...fieldLines(field, definition, scope, layout));
    else if (!written.has(oneof)) {
      written.add(oneof);
      const fields = definition.fields.filter((each) => each.oneof === oneof);
      body.push(
        `oneof ${oneof} {`,
        ...indented(fields.flatMap((each) => fieldLines(each, definition, scope, layout))),
        "}",
      );
    }
  }
  if (body.at(-1) === "") body.pop();
  return body.length === 0 ? [`message ${name} {}`] : [`message ${name} {`, ...indented(body), "}"];
}

function enumLines(name: string, definition: Enum): string[] {
  const members = Object.entries(definition.members);
  const zero = members.findIndex(([, number]) => number === 0);
  const [first] = members.splice(zero, zero === -1 ? 0 : 1);
  if (zero === -1 || first === undefined)
    throw iibinErrors.create(
      "KING_IIBIN_PROTO_UNSUPPORTED",
      `${definition.name}: expected a member of number 0, which proto3 has first, got none`,
      { schema: definition.name },
    );
  const all = [first, ...members];
  const hasAlias = new Set(all.map(([, number]) => number)).size < all.length;
  return [
    `enum ${name} {`,
    ...(hasAlias ? ["  option allow_alias = true;"] : []),
    ...all.map(([member, number]) => `  ${member} = ${number};`),
    "}",
  ];
}

function fieldLines(field: Field, schema: AnySchema, scope: Scope, layout: ProtoLayout): string[] {
  const { protoName, tag, presence, oneof, map, repeated } = field;
  if (isReservedTag(tag))
    throw iibinErrors.create(
      "KING_IIBIN_PROTO_UNSUPPORTED",
      `${schema.name}, ${field.name}: expected a tag that proto3 allows, which 19000 to 19999 are not, got ${tag}`,
      { schema: schema.name, field: field.name },
    );
  const lines: string[] = [];
  if (presence === "required") lines.push("// Required: messages without this field are refused.");
  if (field.default !== undefined) lines.push(`// Default: ${printDefault(field)}.`);
  const type =
    field.kind === "scalar"
      ? field.scalar
      : layout.nameOf(field.kind === "enum" ? field.enum : field.message, scope);
  const isLabelled = presence !== "implicit" && field.kind !== "message" && oneof === undefined;
  const labelled =
    map !== undefined
      ? `map<${map}, ${type}>`
      : repeated
        ? `repeated ${type}`
        : isLabelled
          ? `optional ${type}`
          : type;
  const options: string[] = [];
  const canPack = field.kind === "enum" || (field.kind === "scalar" && isPackable(field.scalar));
  if (repeated && canPack && !field.packed) options.push("packed = false");
  if (field.jsonName !== lowerCamelCase(protoName))
    options.push(`json_name = ${quote(field.jsonName, schema, field)}`);
  const written = options.length === 0 ? "" : ` [${options.join(", ")}]`;
  lines.push(`${labelled} ${protoName} = ${tag}${written};`);
  return lines;
}

function printDefault(field: Field): string {
  const { default: value } = field;
  if (value instanceof Uint8Array) {
    const hex = Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex === "" ? "no bytes" : `the bytes ${hex}`;
  }
  if (typeof value !== "string") return String(value);
  // Readers of lines take more than line feeds for their ends.
  return JSON.stringify(value).replaceAll(/[\p{Cc}\u2028\u2029]/gu, " ");
}

/** The name of a field in JSON, or without a field one that is reserved. */
function quote(text: string, schema: AnySchema, field?: Field): string {
  if (!text.isWellFormed() || text.includes("\0"))
    throw iibinErrors.create(
      "KING_IIBIN_PROTO_UNSUPPORTED",
      field === undefined
        ? `${schema.name}: expected well-formed text without NUL for names that are reserved`
        : `${schema.name}, ${field.name}: expected well-formed text without NUL for the name in JSON`,
      { schema: schema.name, ...(field !== undefined && { field: field.name }) },
    );
  const escaped = text.replaceAll(/["\\\p{Cc}]/gu, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    const code = character.charCodeAt(0);
    return code > 0x7f ? character : `\\${code.toString(8).padStart(3, "0")}`;
  });
  return `"${escaped}"`;
}

const indented = (lines: readonly string[]) =>
  lines.map((line) => (line === "" ? line : `  ${line}`));
