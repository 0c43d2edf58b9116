import { type Enum, isEnum } from "../enum.ts";
import { iibinErrors } from "../errors.ts";
import type { Field } from "../field.ts";
import { isInt64Type, isPackable, type MapKeyType } from "../scalar-type.ts";
import { type AnySchema, isSchema } from "../schema.ts";
import * as functions from "../wire/functions.ts";
import { emitDecoder } from "./emit-decoder.ts";
import { emitEncoder } from "./emit-encoder.ts";
import { reachableSchemas, wireScalar } from "./message-plan.ts";
import { literal, propertyName, SourceLines } from "./source-lines.ts";

/** An ES module and its declarations. */
export interface EmittedModule {
  readonly code: string;
  readonly types: string;
}

const runtime = "@king-runtime/iibin/runtime";
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
  const body = new SourceLines(new Set());
  const types = new SourceLines(new Set());
  // Codecs share the functions: schemas that hold each other would have them once for each codec.
  const schemas = reachableSchemas(...definitions.filter(isSchema));
  emitEncoder(schemas, body);
  emitDecoder(schemas, {}, body);
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
    const index = schemas.indexOf(definition);
    body.add(
      `export const ${name} = /* @__PURE__ */ ${body.use("builtCodec")}({ name: ${literal(definition.name)}, profile: ${literal(definition.profile)}, encode: e${index}, decode: d${index} });`,
    );
    types.add(`export interface ${name} {`);
    for (const field of definition.fields) types.add(names.property(field, false, types));
    types.add("}", `export interface ${name}Input {`);
    for (const field of definition.fields) types.add(names.property(field, true, types));
    types.add("}", `export declare const ${name}: ${types.use("Codec")}<${name}Input, ${name}>;`);
  }
  return { code: withImports("import", body), types: withImports("import type", types) };
}

function withImports(keyword: string, lines: SourceLines): string {
  const names = [...lines.helpers].sort().join(", ");
  const imports = names === "" ? "" : `${keyword} { ${names} } from ${literal(runtime)};\n`;
  return `${header}${imports}\n${lines}`;
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
  property(field: Field, isInput: boolean, lines: SourceLines): string {
    const always = isInput
      ? field.presence === "required"
      : field.presence !== "explicit" || field.default !== undefined;
    const one = this.#typeOf(field, isInput);
    const type =
      field.map !== undefined
        ? mapType(field.map, one, isInput)
        : field.repeated
          ? listType(field, one, isInput, lines)
          : one;
    const name = field.name === "__proto__" ? '"__proto__"' : propertyName(field.name);
    return always
      ? `${name}: ${type};`
      : `${name}?: ${type}${isInput ? " | null | undefined" : ""};`;
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
        return isInput ? "Uint8Array" : "Uint8Array<ArrayBuffer>";
      default:
        if (!isInt64Type(field.scalar)) return "number";
        return isInput ? "bigint | number" : "bigint";
    }
  }
}

function listType(field: Field, one: string, isInput: boolean, lines: SourceLines): string {
  if (!isInput) return `${one}[]`;
  const scalar = wireScalar(field);
  const isNumeric = scalar !== undefined && scalar !== "bool" && isPackable(scalar);
  return `readonly (${one})[]${isNumeric ? ` | ${lines.use("NumberArray")}<${one}>` : ""}`;
}

function mapType(keys: MapKeyType, one: string, isInput: boolean): string {
  const isWide = isInt64Type(keys);
  const object =
    keys === "bool"
      ? `Partial<Record<"true" | "false", ${one}>>`
      : `Record<${keys === "string" || isWide ? "string" : "number"}, ${one}>`;
  if (!isInput) return object;
  const key =
    keys === "string"
      ? "string"
      : keys === "bool"
        ? "boolean"
        : isWide
          ? "bigint | number"
          : "number";
  return `Readonly<${object}> | ReadonlyMap<${key}, ${one}>`;
}

/** `pkg.Outer.Inner` as `pkg_Outer_Inner`. */
function identifierOf(name: string): string {
  const identifier = name.replace(/[^\w$]/g, "_").replace(/^(?=\d)/, "_");
  const isTaken =
    reserved.has(identifier) || ownName.test(identifier) || Object.hasOwn(functions, identifier);
  return isTaken ? `${identifier}_` : identifier;
}

/** Names of functions, and of what these share, in a module. */
const ownName = /^[a-z]\d+(?:_\d+)?$/;

/** Words that cannot name an export's variable or type, and what a module and its types use themselves. */
const reserved: ReadonlySet<string> = /* @__PURE__ */ new Set(
  (
    "any arguments await bigint boolean break builtCodec case catch class const continue debugger " +
    "default delete do else enum eval export extends false finally for function globalThis if " +
    "implements import in infer instanceof interface keyof let never new null number object package " +
    "private protected public readonly return static string super switch symbol this throw true try " +
    "typeof undefined unique unknown var void while with yield Array ArrayBuffer Codec Infinity Map " +
    "NaN NumberArray Object Partial Readonly ReadonlyMap Record Set Uint8Array"
  ).split(" "),
);
