import { type Enum, isEnum } from "../enum.ts";
import { iibinErrors } from "../errors.ts";
import type { Field } from "../field.ts";
import type { AnySchema } from "../schema.ts";
import * as functions from "../wire/functions.ts";
import { emitDecoder } from "./emit-decoder.ts";
import { emitEncoder } from "./emit-encoder.ts";
import { reachableSchemas } from "./message-plan.ts";
import { literal, propertyName, SourceLines } from "./source-lines.ts";

/** An ES module and its declarations. */
export interface EmittedModule {
  readonly code: string;
  readonly types: string;
}

const header = "// Written by `king iibin build`; changes are lost when it runs again.\n";

/**
 * Writes the functions that run-time generation would make as an ES module, for where policy forbids
 * that: a codec for each schema and an object of members for each enum, under their names. Numbers of
 * 64 bits are `bigint`, bytes are copies, fields the schema lacks are dropped.
 *
 * @throws {KingError} `KING_IIBIN_SCHEMA_INVALID` when two names become the same identifier.
 */
export function emitModule(definitions: readonly (AnySchema | Enum)[]): EmittedModule {
  const names = new ModuleNames(definitions);
  const helpers = new Set<string>();
  const body = new SourceLines(helpers);
  const types = new SourceLines(new Set());
  for (const definition of definitions) {
    const name = names.of(definition);
    if (isEnum(definition)) {
      const members = Object.entries(definition.members);
      const object = members.map(([key, value]) => `${propertyName(key)}: ${value}`).join(", ");
      body.add(`export const ${name} = /* @__PURE__ */ Object.freeze({ ${object} });`);
      const shape = members.map(([key, value]) => `readonly ${propertyName(key)}: ${value}`);
      types.add(`export declare const ${name}: { ${shape.join("; ")} };`);
      continue;
    }
    emitCodec(definition, name, body);
    types.add(`export interface ${name} {`);
    for (const field of definition.fields) types.add(names.property(field, false));
    types.add("}", `export interface ${name}Input {`);
    for (const field of definition.fields) types.add(names.property(field, true));
    types.add("}", `export declare const ${name}: Codec<${name}Input, ${name}>;`);
  }
  const imported = ["builtCodec", ...helpers].sort().join(", ");
  return {
    code: `${header}import { ${imported} } from "@king-runtime/iibin/runtime";\n\n${body}`,
    types: `${header}import type { Codec } from "@king-runtime/iibin/runtime";\n\n${types}`,
  };
}

function emitCodec(schema: AnySchema, name: string, body: SourceLines): void {
  const schemas = reachableSchemas(schema);
  body.add(
    `export const ${name} = /* @__PURE__ */ (() => {`,
    "const encode = /* @__PURE__ */ (() => {",
  );
  emitEncoder(schemas, body);
  body.add("return e0;", "})();", "const decode = /* @__PURE__ */ (() => {");
  emitDecoder(schemas, {}, body);
  body.add(
    "return d0;",
    "})();",
    `return builtCodec({ name: ${literal(schema.name)}, profile: ${literal(schema.profile)}, encode, decode });`,
    "})();",
  );
}

/** Identifiers of definitions in a module. */
class ModuleNames {
  readonly #names = new Map<AnySchema | Enum, string>();

  constructor(definitions: readonly (AnySchema | Enum)[]) {
    const taken = new Map<string, string>();
    for (const definition of definitions) {
      const name = identifierOf(definition.name);
      const other = taken.get(name) ?? (isEnum(definition) ? undefined : taken.get(`${name}Input`));
      if (other !== undefined)
        throw iibinErrors.create(
          "KING_IIBIN_SCHEMA_INVALID",
          `${definition.name}: the identifier ${name} is that of ${other} already`,
          { schema: definition.name },
        );
      taken.set(name, definition.name);
      if (!isEnum(definition)) taken.set(`${name}Input`, definition.name);
      this.#names.set(definition, name);
    }
  }

  of(definition: AnySchema | Enum): string {
    return this.#names.get(definition) as string;
  }

  /** A property of the interface of a message, or of what encoding takes. */
  property(field: Field, isInput: boolean): string {
    const always = isInput
      ? field.presence === "required"
      : field.presence !== "explicit" || field.default !== undefined;
    const one = this.#typeOf(field, isInput);
    const type =
      field.map !== undefined
        ? isInput
          ? `Readonly<Record<string, ${one}>> | ReadonlyMap<${keyType(field)}, ${one}>`
          : `Record<string, ${one}>`
        : field.repeated
          ? isInput
            ? `readonly (${one})[]${isNumeric(field) ? " | ArrayLike<number>" : ""}`
            : `${one}[]`
          : one;
    const name = field.name === "__proto__" ? '"__proto__"' : propertyName(field.name);
    return always
      ? `${name}: ${type};`
      : `${name}?: ${type}${isInput ? " | null" : ""} | undefined;`;
  }

  #typeOf(field: Field, isInput: boolean): string {
    if (field.kind === "message") {
      const name = this.#names.get(field.message);
      // A message that is not exported from this module has no name here.
      if (name === undefined) return isInput ? "object" : "Record<string, unknown>";
      return isInput ? `${name}Input` : name;
    }
    if (field.kind === "enum") {
      if (!isInput) return "number";
      return [...Object.keys(field.enum.members).map(literal), "number"].join(" | ");
    }
    switch (field.scalar) {
      case "bool":
        return "boolean";
      case "string":
        return "string";
      case "bytes":
        return "Uint8Array";
      default:
        if (!field.scalar.endsWith("64")) return "number";
        return isInput ? "bigint | number" : "bigint";
    }
  }
}

function isNumeric(field: Field): boolean {
  return (
    field.kind === "scalar" &&
    !["bool", "string", "bytes"].includes(field.scalar) &&
    !field.scalar.endsWith("64")
  );
}

function keyType(field: Field): string {
  switch (field.map) {
    case "string":
      return "string";
    case "bool":
      return "boolean";
    default:
      return field.map?.endsWith("64") ? "bigint | number" : "number";
  }
}

/** `pkg.Outer.Inner` as `pkg_Outer_Inner`. */
function identifierOf(name: string): string {
  const identifier = name.replace(/[^\w$]/g, "_").replace(/^(?=\d)/, "_");
  const isTaken = reserved.has(identifier) || Object.hasOwn(functions, identifier);
  return isTaken ? `${identifier}_` : identifier;
}

/** Words that cannot name an export's variable, and what a module uses itself. */
const reserved: ReadonlySet<string> = /* @__PURE__ */ new Set(
  (
    "arguments await break builtCodec case catch class const continue debugger default delete do else " +
    "enum eval export extends false finally for function if implements import in instanceof interface " +
    "let new null package private protected public return static super switch this throw true try " +
    "typeof undefined var void while with yield Array ArrayBuffer Codec Map Object Readonly " +
    "ReadonlyMap Record Set Uint8Array"
  ).split(" "),
);
