import type { Field } from "../field.ts";
import type { MapKeyType, ScalarType } from "../scalar-type.ts";
import { scalarWireType } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";
import {
  expectedScalar,
  expectedValue,
  fieldKey,
  mostBytes,
  oneofNames,
  valueWireType,
  varintBytes,
  wireScalar,
} from "./message-plan.ts";
import { literal, member, type SourceLines } from "./source-lines.ts";

/**
 * Writes the functions `e0(o, w, p, d)`, `e1`... that encode messages of `schemas`, which may hold each
 * other: object, writer, position and levels left; they give the position after the message.
 *
 * Every function reserves room for its fields of bounded size at once; whatever has no bound reserves
 * room for itself and for all of these again.
 *
 * @internal
 */
export function emitEncoder(schemas: readonly AnySchema[], lines: SourceLines): void {
  for (const [index, schema] of schemas.entries())
    new MessageEncoder(schemas, index, schema, lines).emit();
}

class MessageEncoder {
  readonly #schemas: readonly AnySchema[];
  readonly #index: number;
  readonly #schema: AnySchema;
  readonly #lines: SourceLines;
  readonly #name: string;
  /** Bytes that the fields of bounded size can take together. */
  readonly #room: number;
  readonly #oneofs: readonly string[];

  constructor(schemas: readonly AnySchema[], index: number, schema: AnySchema, lines: SourceLines) {
    this.#schemas = schemas;
    this.#index = index;
    this.#schema = schema;
    this.#lines = lines;
    this.#name = literal(schema.name);
    this.#room = schema.fields.reduce((sum, field) => sum + mostFieldBytes(field), 16);
    this.#oneofs = oneofNames(schema);
  }

  emit(): void {
    const { fields } = this.#schema;
    const lines = this.#lines;
    const index = this.#index;
    const use = (helper: string) => lines.use(helper);
    const names = fields.map(({ name }) => literal(name)).join(", ");
    lines.add(`const n${index} = /* @__PURE__ */ new Set([${names}]);`);
    for (const field of fields) {
      if (field.map !== undefined) this.#emitEntry(field, field.map);
      if (this.#needsWidth(field)) lines.add(`let l${index}_${field.tag} = 1;`);
      if (field.kind === "enum" && this.#isFirstOfEnum(field))
        lines.add(
          `const m${index}_${field.tag} = /* @__PURE__ */ new Map(${literalEntries(field.enum.members)});`,
        );
    }
    lines.add(
      `function e${index}(o, w, p, d) {`,
      `if (d < 0) throw ${use("tooDeep")}(w);`,
      "let b = w.b, n = 0, v;",
      `if (p + ${this.#room} > b.length) b = ${use("grow")}(w, p, ${this.#room});`,
    );
    for (const index of this.#oneofs.keys()) lines.add(`let c${index} = "";`);
    for (const field of fields) this.#emitField(field);
    lines.add(
      `v = o[${use("unknownFields")}];`,
      "if (v !== undefined) {",
      `p = ${use("writeRaw")}(w, p, v, ${this.#name});`,
      "b = w.b;",
      "}",
      "let k = 0;",
      "for (const _ in o) k++;",
      `if (k !== n || n === 0 || o.constructor !== Object) ${use("checkKeys")}(o, n${index}, ${this.#name}, n);`,
      "return p;",
      "}",
    );
  }

  #needsWidth(field: Field): boolean {
    return field.kind === "message" || field.map !== undefined || field.packed;
  }

  #isFirstOfEnum(field: Field & { kind: "enum" }): boolean {
    return this.#enumTable(field) === `m${this.#index}_${field.tag}`;
  }

  #enumTable(field: Field & { kind: "enum" }): string {
    const first = this.#schema.fields.find(
      (each) => each.kind === "enum" && each.enum === field.enum,
    );
    return `m${this.#index}_${first?.tag}`;
  }

  /** Reads the field once, and writes it when it is there. */
  #emitField(field: Field): void {
    const lines = this.#lines;
    const isInherited = field.name in Object.prototype;
    lines.add(
      isInherited
        ? `v = Object.hasOwn(o, ${literal(field.name)}) ? o${member(field.name)} : undefined;`
        : `v = o${member(field.name)};`,
      "if (v !== undefined) {",
      "n++;",
      field.presence === "required" ? `if (v === null) throw ${this.#missing(field)};` : "",
      field.presence === "required" ? "{" : "if (v !== null) {",
    );
    if (field.oneof !== undefined) {
      const set = `c${this.#oneofs.indexOf(field.oneof)}`;
      const exclusive = `${literal(`no member of ${field.oneof} beside `)} + ${set}`;
      lines.add(
        `if (${set} !== "") throw ${this.#bad(field, exclusive, "v")};`,
        `${set} = ${literal(field.name)};`,
      );
    }
    if (field.map !== undefined) this.#emitMap(field);
    else if (field.repeated) this.#emitList(field);
    else this.#emitSingle(field);
    lines.add("}");
    if (field.presence === "required") lines.add(`} else throw ${this.#missing(field)};`);
    else lines.add("}");
  }

  #missing(field: Field): string {
    return this.#bad(field, literal("a value, for the field is required"), "v");
  }

  #bad(field: Field, expected: string, value: string, index?: string): string {
    const fault = `${this.#lines.use("bad")}(${this.#name}, ${literal(field.name)}, ${expected}, ${value})`;
    return index === undefined ? fault : `${this.#lines.use("atIndex")}(${fault}, ${index})`;
  }

  #emitSingle(field: Field): void {
    const lines = this.#lines;
    if (field.kind === "message") {
      this.#emitMessage(field, "v", undefined);
      return;
    }
    this.#emitCheck(field, "v", undefined);
    // The zero of an implicit field stays out, but only once it is known to be of the type.
    if (field.presence === "implicit") lines.add(`if (${isNotZero(field)}) {`);
    this.#emitKey(field, valueWireType(field));
    this.#emitWrite(wireScalar(field) as ScalarType, "v", field, undefined);
    if (field.presence === "implicit") lines.add("}");
  }

  /** Refuses what is not of the type, and turns names of enum members into numbers. */
  #emitCheck(field: Field, value: string, index: string | undefined): void {
    const lines = this.#lines;
    const expected = literal(expectedValue(field, this.#schema.profile));
    const fail = `throw ${this.#bad(field, expected, value, index)};`;
    if (field.kind === "enum") {
      const table = this.#enumTable(field);
      lines.add(
        `if (typeof ${value} === "string") {`,
        `const s = ${table}.get(${value});`,
        `if (s === undefined) ${fail}`,
        `${value} = s;`,
        `} else if (typeof ${value} !== "number" || (${value} | 0) !== ${value}) ${fail}`,
      );
      return;
    }
    if (field.kind === "message") return;
    if (field.scalar === "bytes") lines.add(`const y = ${lines.use("byteLength")}(${value});`);
    lines.add(`if (${this.#isWrong(field.scalar, value)}) ${fail}`);
  }

  #isWrong(scalar: ScalarType, value: string): string {
    switch (scalar) {
      case "double":
      case "float":
        return `typeof ${value} !== "number"`;
      case "bool":
        return `typeof ${value} !== "boolean"`;
      case "string":
        return `typeof ${value} !== "string"`;
      case "bytes":
        return "y < 0";
      case "int32":
      case "sint32":
      case "sfixed32":
        return `typeof ${value} !== "number" || (${value} | 0) !== ${value}`;
      case "uint32":
      case "fixed32":
        return `typeof ${value} !== "number" || (${value} >>> 0) !== ${value}`;
      case "uint64":
      case "fixed64":
        return `!${this.#lines.use(this.#schema.profile === "king" ? "isUint63" : "isUint64")}(${value})`;
      default:
        return `!${this.#lines.use("isInt64")}(${value})`;
    }
  }

  #emitKey(field: Field, wireType: number): void {
    for (const byte of varintBytes(fieldKey(field.tag, wireType)))
      this.#lines.add(`b[p++] = ${byte};`);
  }

  /** Writes one value that was checked. */
  #emitWrite(
    scalar: ScalarType,
    value: string,
    field: Field,
    index: string | undefined,
    room = this.#room,
  ): void {
    const lines = this.#lines;
    const use = (helper: string) => lines.use(helper);
    switch (scalar) {
      case "bool":
        lines.add(`b[p++] = ${value} ? 1 : 0;`);
        break;
      case "uint32":
        lines.add(`if (${value} < 128) b[p++] = ${value};`);
        lines.add(`else p = ${use("writeUint32")}(b, p, ${value});`);
        break;
      case "int32":
        lines.add(`if (${value} >= 0 && ${value} < 128) b[p++] = ${value};`);
        lines.add(`else p = ${use("writeInt32")}(b, p, ${value});`);
        break;
      case "sint32":
        lines.add(`p = ${use("writeUint32")}(b, p, ((${value} << 1) ^ (${value} >> 31)) >>> 0);`);
        break;
      case "int64":
      case "uint64":
        lines.add(
          `p = typeof ${value} === "number" ? ${use("writeInteger")}(b, p, ${value}) : ${use("writeBigint")}(b, p, ${value});`,
        );
        break;
      case "sint64":
        lines.add(
          `p = typeof ${value} === "number" ? ${use("writeZigzagInteger")}(b, p, ${value}) : ${use("writeZigzagBigint")}(b, p, ${value});`,
        );
        break;
      case "fixed32":
      case "sfixed32":
        lines.add(
          `b[p] = ${value};`,
          `b[p + 1] = ${value} >>> 8;`,
          `b[p + 2] = ${value} >>> 16;`,
          `b[p + 3] = ${value} >>> 24;`,
          "p += 4;",
        );
        break;
      case "fixed64":
      case "sfixed64":
        lines.add(`${use("writeFixed64")}(w.v, p, ${value});`, "p += 8;");
        break;
      case "float":
        lines.add(...floatLines("setFloat32", value), "p += 4;");
        break;
      case "double":
        lines.add(...floatLines("setFloat64", value), "p += 8;");
        break;
      case "string":
      case "bytes": {
        const write =
          scalar === "string"
            ? `${use("writeText")}(w, p, ${value}, ${room})`
            : `${use("writeBytes")}(w, p, ${value}, y, ${room})`;
        const fault = `${use("badText")}(w, ${this.#name}, ${literal(field.name)}, p, ${value})`;
        lines.add(
          `p = ${write};`,
          `if (p < 0) throw ${index === undefined ? fault : `${use("atIndex")}(${fault}, ${index})`};`,
          "b = w.b;",
        );
      }
    }
  }

  /** Writes a message with key and length. */
  #emitMessage(field: Field & { kind: "message" }, value: string, index: string | undefined): void {
    const lines = this.#lines;
    const expected = literal(expectedValue(field, this.#schema.profile));
    const width = `l${this.#index}_${field.tag}`;
    const nested = this.#schemas.indexOf(field.message);
    const place = index === undefined ? "" : `, ${index}`;
    lines.add(
      `if (typeof ${value} !== "object" || ${value} === null) throw ${this.#bad(field, expected, value, index)};`,
    );
    this.#emitKey(field, 2);
    lines.add(
      "{",
      `const s = ${width}, q = p + s;`,
      "try {",
      `p = e${nested}(${value}, w, q, d - 1);`,
      "} catch (error) {",
      `throw ${lines.use("at")}(error, ${this.#name}, ${literal(field.name)}${place});`,
      "}",
      "b = w.b;",
      `if (p + ${this.#room} > b.length) b = ${lines.use("grow")}(w, p, ${this.#room});`,
    );
    this.#emitLength(width, "q");
    lines.add("}");
  }

  /**
   * Writes the length of what lies between `from` and `p`, for which `s` bytes were left; remembers how
   * wide it was. What lies there may hold the same field, and have changed the width that is remembered.
   */
  #emitLength(width: string, from: string): void {
    const lines = this.#lines;
    lines.add(
      `if (s === 1 && p - ${from} < 128) b[${from} - 1] = p - ${from};`,
      "else {",
      `${width} = ${lines.use("lengthWidth")}(p - ${from});`,
      `p = ${lines.use("setLength")}(b, ${from}, p, s);`,
      "}",
    );
  }

  #emitList(field: Field): void {
    const lines = this.#lines;
    lines.add(
      `if (!${lines.use("isList")}(v)) throw ${this.#bad(field, literal("an array"), "v")};`,
      "const a = v, c = a.length >>> 0;",
      `if (c > w.maxItems) throw ${lines.use("tooMany")}(w, ${this.#name}, ${literal(field.name)});`,
    );
    if (field.presence === "required")
      lines.add(
        `if (c === 0) throw ${this.#bad(field, literal("one item or more, for the field is required"), "v")};`,
      );
    const scalar = wireScalar(field);
    if (field.packed && scalar !== undefined) {
      const width = `l${this.#index}_${field.tag}`;
      const each = mostBytes(scalar);
      lines.add(
        "if (c > 0) {",
        `if (p + c * ${each} + ${this.#room} > b.length) b = ${lines.use("grow")}(w, p, c * ${each} + ${this.#room});`,
      );
      this.#emitKey(field, 2);
      lines.add(`const s = ${width}, q = p += s;`, "for (let i = 0; i < c; i++) {", "v = a[i];");
      this.#emitCheck(field, "v", "i");
      this.#emitWrite(scalar, "v", field, "i");
      lines.add("}");
      this.#emitLength(width, "q");
      lines.add("}");
      return;
    }
    lines.add("for (let i = 0; i < c; i++) {", "v = a[i];");
    if (field.kind === "message") this.#emitMessage(field, "v", "i");
    else {
      this.#emitCheck(field, "v", "i");
      const each = mostBytes(scalar as ScalarType) + 5;
      if (scalar !== "string" && scalar !== "bytes")
        lines.add(
          `if (p + ${each + this.#room} > b.length) b = ${lines.use("grow")}(w, p, ${each + this.#room});`,
        );
      this.#emitKey(field, valueWireType(field));
      this.#emitWrite(scalar as ScalarType, "v", field, "i");
    }
    lines.add("}");
  }

  #emitMap(field: Field): void {
    const lines = this.#lines;
    const entry = `t${this.#index}_${field.tag}`;
    lines.add(
      `if (!${lines.use("isMap")}(v)) throw ${this.#bad(field, literal("an object or a Map"), "v")};`,
      "const a = v;",
      "let c = 0;",
      "if (a instanceof Map) {",
      "for (const [x, y] of a) {",
      `p = ${entry}(w, p, x, y, d);`,
      "c++;",
      "}",
      "} else {",
      "for (const x in a) {",
      "if (!Object.hasOwn(a, x)) continue;",
      `p = ${entry}(w, p, ${this.#keyOfText(field)}, a[x], d);`,
      "c++;",
      "}",
      "}",
      `if (c > w.maxItems) throw ${lines.use("tooMany")}(w, ${this.#name}, ${literal(field.name)});`,
      "b = w.b;",
      `if (p + ${this.#room} > b.length) b = ${lines.use("grow")}(w, p, ${this.#room});`,
    );
  }

  /** The key an object's property name stands for. */
  #keyOfText(field: Field): string {
    switch (field.map) {
      case "string":
        return "x";
      case "bool":
        return `${this.#lines.use("booleanKey")}(x)`;
      case "int32":
      case "sint32":
      case "sfixed32":
      case "uint32":
      case "fixed32":
        return `${this.#lines.use("numberKey")}(x)`;
      default:
        return `${this.#lines.use("bigintKey")}(x)`;
    }
  }

  /** The function that writes one entry of a map: a message with the key as field 1, the value as 2. */
  #emitEntry(field: Field, keyType: MapKeyType): void {
    const lines = this.#lines;
    const width = `l${this.#index}_${field.tag}`;
    const room = 64;
    lines.add(
      `function t${this.#index}_${field.tag}(w, p, x, v, d) {`,
      `let b = w.b;`,
      `if (p + ${room} > b.length) b = ${lines.use("grow")}(w, p, ${room});`,
      `if (${this.#isWrong(keyType, "x")}) throw ${this.#bad(field, literal(`as key ${expectedScalar(keyType, this.#schema.profile)}`), "x")};`,
    );
    this.#emitKey(field, 2);
    lines.add(
      `const s = ${width}, f = p += s;`,
      `b[p++] = ${fieldKey(1, scalarWireType(keyType))};`,
    );
    this.#emitWrite(keyType, "x", field, "x", room);
    if (field.kind === "message") this.#emitMessageValue(field);
    else {
      this.#emitCheck(field, "v", "x");
      lines.add(`b[p++] = ${fieldKey(2, valueWireType(field))};`);
      this.#emitWrite(wireScalar(field) as ScalarType, "v", field, "x", room);
    }
    this.#emitLength(width, "f");
    lines.add("return p;", "}");
  }

  #emitMessageValue(field: Field & { kind: "message" }): void {
    // The width variable of the field is that of entries; values keep to one byte at first.
    const lines = this.#lines;
    const expected = literal(expectedValue(field, this.#schema.profile));
    const nested = this.#schemas.indexOf(field.message);
    lines.add(
      `if (typeof v !== "object" || v === null) throw ${this.#bad(field, expected, "v", "x")};`,
      `b[p++] = ${fieldKey(2, 2)};`,
      "const q = p + 1;",
      "try {",
      `p = e${nested}(v, w, q, d - 1);`,
      "} catch (error) {",
      `throw ${lines.use("at")}(error, ${this.#name}, ${literal(field.name)}, x);`,
      "}",
      "b = w.b;",
      `if (p + 64 > b.length) b = ${lines.use("grow")}(w, p, 64);`,
      "if (p - q < 128) b[q - 1] = p - q;",
      `else p = ${lines.use("setLength")}(b, q, p, 1);`,
    );
  }
}

function isNotZero(field: Field): string {
  const scalar = wireScalar(field);
  switch (scalar) {
    case "bool":
      return "v";
    case "string":
      return 'v !== ""';
    case "bytes":
      return "y > 0";
    case "double":
    case "float":
      // Minus zero is a value of its own.
      return "v !== 0 || Object.is(v, -0)";
    default:
      return scalar?.endsWith("64") ? "v != 0" : "v !== 0";
  }
}

/** One form for all that is not a number: engines keep bits in it that programs cannot see. */
function floatLines(set: string, value: string): string[] {
  return [`w.v.${set}(p, ${value}, true);`, `if (${value} !== ${value}) w.v.${set}(p, NaN, true);`];
}

/** Most bytes a field takes beside what reserves room for itself. */
function mostFieldBytes(field: Field): number {
  const scalar = wireScalar(field);
  return 5 + (scalar === undefined || field.repeated || field.map ? 10 : mostBytes(scalar));
}

function literalEntries(members: Readonly<Record<string, number>>): string {
  const entries = Object.entries(members).map(([name, number]) => `[${literal(name)}, ${number}]`);
  return `[${entries.join(", ")}]`;
}
