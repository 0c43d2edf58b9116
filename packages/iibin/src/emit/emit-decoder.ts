import type { DecodeOptions } from "../decode-options.ts";
import type { Field } from "../field.ts";
import { isInt64Type, type MapKeyType, type ScalarType, scalarWireType } from "../scalar-type.ts";
import type { AnySchema } from "../schema.ts";
import { fieldKey, messageCost, valueWireType, varintBytes, wireScalar } from "./message-plan.ts";
import { literal, member, propertyName, type SourceLines } from "./source-lines.ts";

/** The decisions that change the source of a decoder. @internal */
export interface DecoderVariant extends Omit<DecodeOptions, "into"> {
  /**
   * Whether faults carry their path, which costs a few percent: without it the closures, which do the
   * same, are asked where it is. @default true
   */
  readonly paths?: boolean;
  /** Whose messages are instances: of class `K[i]`. */
  readonly classes?: ReadonlyMap<AnySchema, number>;
}

/**
 * Writes the functions `d0(b, p, e, r, d)`, `d1`... that decode messages of `schemas`, which may hold
 * each other: bytes, start, end, reader and levels left; they give the message.
 *
 * Single bytes are read before it is known that they belong to the message; what was read too far is
 * noticed where the message ends.
 *
 * @internal
 */
export function emitDecoder(
  schemas: readonly AnySchema[],
  variant: DecoderVariant,
  lines: SourceLines,
): void {
  for (const [index, schema] of schemas.entries())
    new MessageDecoder(schemas, index, schema, variant, lines).emit();
}

class MessageDecoder {
  readonly #schemas: readonly AnySchema[];
  readonly #index: number;
  readonly #schema: AnySchema;
  readonly #variant: DecoderVariant;
  readonly #lines: SourceLines;
  readonly #isKing: boolean;
  readonly #keeps: boolean;

  constructor(
    schemas: readonly AnySchema[],
    index: number,
    schema: AnySchema,
    variant: DecoderVariant,
    lines: SourceLines,
  ) {
    this.#schemas = schemas;
    this.#index = index;
    this.#schema = schema;
    this.#variant = variant;
    this.#lines = lines;
    this.#isKing = schema.profile === "king";
    this.#keeps = variant.unknownFields === "keep";
  }

  emit(): void {
    const { fields, name } = this.#schema;
    const lines = this.#lines;
    const index = this.#index;
    const use = (helper: string) => lines.use(helper);
    const hasPaths = this.#variant.paths !== false;
    const names = fields.map((field) => `[${field.tag}, ${literal(field.name)}]`).join(", ");
    if (hasPaths || this.#isKing)
      lines.add(`const f${index} = /* @__PURE__ */ new Map([${names}]);`);
    for (const field of fields) if (field.map !== undefined) this.#emitEntry(field, field.map);
    lines.add(
      `function d${index}(b, p, e, r, d) {`,
      `if (d < 0) throw ${use("tooDeepAt")}(r, p);`,
      "let k = 0, n = 0, i = 0, x;",
    );
    for (const field of fields) {
      lines.add(`let ${local(field)}${this.#initial(field)};`);
      if (this.#comesInParts(field)) lines.add(`let ${partsOf(field).declared};`);
    }
    if (this.#keeps) lines.add("let u;");
    if (hasPaths) lines.add("try {");
    lines.add("while (p < e) {", "const z = p;", "k = b[p++];");
    this.#emitLongKey();
    lines.add("switch (k) {");
    for (const [at, field] of fields.entries()) {
      this.#emitCase(field);
      this.#emitNext(fields[at + 1]);
    }
    for (const field of fields) this.#emitOtherForm(field);
    this.#emitDefault(true);
    lines.add("}", "}", `if (p !== e) throw ${use("truncated")}(e);`);
    for (const field of fields)
      if (field.kind === "message" && this.#comesInParts(field)) this.#emitParts(field);
    if (hasPaths)
      lines.add(
        "} catch (error) {",
        `throw ${use("atKey")}(error, ${literal(name)}, f${index}.get(k >>> 3)${this.#positions()});`,
        "}",
      );
    this.#emitResult();
    lines.add("}");
  }

  #emitLongKey(): void {
    this.#lines.add(
      "if (k > 127) {",
      // A key that cannot be read belongs to no field.
      "k = 0;",
      `k = ${this.#lines.use("readKey")}(b, z, e, r);`,
      "p = r.p;",
      "}",
    );
  }

  /** For the path of a fault: which item of a list it was. */
  #positions(): string {
    const lists = this.#schema.fields.filter((field) => field.repeated);
    if (lists.length === 0) return "";
    const choices = lists.map((field) => {
      const packed = `k === ${fieldKey(field.tag, 2) | 0} ? i : `;
      const scalar = wireScalar(field);
      const isPackable = scalar !== undefined && scalarWireType(scalar) !== 2;
      return `k >>> 3 === ${field.tag} ? ${isPackable ? packed : ""}${local(field)}?.length ?? 0`;
    });
    return `, ${choices.join(" : ")} : undefined`;
  }

  #emitDefault(keeps: boolean): void {
    const lines = this.#lines;
    lines.add("default:");
    if (this.#isKing && keeps)
      lines.add(`if (f${this.#index}.has(k >>> 3)) throw ${lines.use("wrongWireType")}(z, k);`);
    lines.add(`p = ${lines.use("skipField")}(b, p, e, r, k, d, ${!this.#isKing});`);
    if (keeps && this.#keeps) lines.add(`u = ${lines.use("keepRange")}(u, z, p, r);`);
  }

  /** What a field's variable holds before anything was read. */
  #initial(field: Field): string {
    if (field.presence !== "implicit" || field.repeated || field.map !== undefined) return "";
    const scalar = wireScalar(field) as ScalarType;
    // Made at the end, when none came.
    return scalar === "bytes" ? "" : ` = ${this.#zero(scalar)}`;
  }

  #zero(scalar: ScalarType): string {
    if (scalar === "string") return '""';
    if (scalar === "bool") return "false";
    if (scalar === "bytes") return "new Uint8Array(0)";
    return isInt64Type(scalar) && this.#variant.int64 !== "number" ? "0n" : "0";
  }

  /** Reads a field in the form it is usually written in. */
  #emitCase(field: Field): void {
    const lines = this.#lines;
    const target = local(field);
    const key = usualKey(field);
    lines.add(`case ${key | 0}: {`);
    if (field.map !== undefined) {
      const isInteger = field.map !== "string" && field.map !== "bool";
      lines.add(
        `if (${target} === undefined) ${target} = ${isInteger ? `${lines.use("sparse")}({})` : "{}"};`,
      );
      this.#emitRun(key, () => {
        this.#emitLength();
        if (field.kind !== "message") this.#emitCharge(1);
        lines.add(`y${this.#index}_${field.tag}(b, p, q, r, d, ${target});`, "p = q;");
      });
    } else if (field.packed) this.#emitPacked(field);
    else if (field.repeated) this.#emitItems(field);
    else {
      if (this.#comesInParts(field)) {
        this.#emitLength();
        lines.use("addPart");
        lines.add(...partsOf(field).add, "p = q;");
      } else this.#emitValue(field, target, "e");
      const others = this.#otherMembers(field);
      if (others !== "") lines.add(others);
    }
    lines.add("}");
  }

  /** Fields usually come in the order of their tags: the next one is then read without a look-up. */
  #emitNext(next: Field | undefined): void {
    const lines = this.#lines;
    if (next === undefined) {
      lines.add("break;");
      return;
    }
    const bytes = varintBytes(usualKey(next));
    const others = bytes.map((byte, at) => `b[p${at === 0 ? "" : ` + ${at}`}] !== ${byte}`);
    lines.add(
      `if (p + ${bytes.length} > e || ${others.join(" || ")}) break;`,
      `p += ${bytes.length};`,
      `k = ${usualKey(next) | 0};`,
    );
  }

  /** Lists of what can be packed are read in the other form too. */
  #emitOtherForm(field: Field): void {
    const scalar = wireScalar(field);
    if (!field.repeated || scalar === undefined || scalarWireType(scalar) === 2) return;
    const wireType = field.packed ? scalarWireType(scalar) : 2;
    this.#lines.add(`case ${fieldKey(field.tag, wireType) | 0}: {`);
    if (field.packed) this.#emitItems(field);
    else this.#emitPacked(field);
    this.#lines.add("break;", "}");
  }

  /** Reads items of a list of which each is a record. */
  #emitItems(field: Field): void {
    const lines = this.#lines;
    const target = local(field);
    this.#emitRun(fieldKey(field.tag, valueWireType(field)), () => {
      if (field.kind !== "message") this.#emitCharge(1);
      // An item read too far would count as one.
      if (valueWireType(field) === 0) lines.add(`if (p >= e) throw ${lines.use("truncated")}(e);`);
      this.#emitValue(field, "x", "e");
      lines.add(`if (${target} === undefined) ${target} = [x];`, `else ${target}.push(x);`);
    });
  }

  /** A list's items usually follow each other: their keys are not looked up one by one. */
  #emitRun(key: number, emitOne: () => void): void {
    const lines = this.#lines;
    const [byte, ...more] = varintBytes(key);
    if (more.length > 0) {
      emitOne();
      return;
    }
    lines.add("for (;;) {");
    emitOne();
    lines.add(`if (p >= e || b[p] !== ${byte}) break;`, "p++;", "}");
  }

  /** Whether parts of the field's message are put together before they are decoded: it may come again. */
  #comesInParts(field: Field): boolean {
    return field.kind === "message" && !field.repeated && field.map === undefined && !this.#isKing;
  }

  /** Decodes the message of a field from all of its parts. */
  #emitParts(field: Field & { kind: "message" }): void {
    const { start, end, more } = partsOf(field);
    this.#lines.add(`if (${start} >= 0) {`, `k = ${usualKey(field) | 0};`);
    this.#emitCharge(messageCost(field.message), start);
    this.#emitDecodeParts(field, local(field), start, end, more);
    this.#lines.add("}");
  }

  #emitDecodeParts(
    field: Field & { kind: "message" },
    target: string,
    start: string,
    end: string,
    more: string,
  ): void {
    const nested = `d${this.#schemas.indexOf(field.message)}`;
    this.#lines.add(
      `${target} = ${more} === undefined ? ${nested}(b, ${start}, ${end}, r, d - 1) : ${this.#lines.use("decodeParts")}(${nested}, b, ${more}, r, d - 1);`,
    );
  }

  /** Takes something from what may still come. */
  #emitCharge(cost: number, offset = "p"): void {
    const taken = cost === 1 ? "--r.items" : `(r.items -= ${cost})`;
    this.#lines.add(`if (${taken} < 0) throw ${this.#lines.use("tooManyAt")}(r, ${offset});`);
  }

  /** Resets the other members of the field's oneof. */
  #otherMembers(field: Field): string {
    if (field.oneof === undefined) return "";
    return this.#schema.fields
      .filter((each) => each.oneof === field.oneof && each !== field)
      .map((each) =>
        this.#comesInParts(each) ? partsOf(each).reset : `${local(each)} = undefined;`,
      )
      .join(" ");
  }

  /** Reads a length and checks it: the part ends at `q`. */
  #emitLength(end = "e", q = "q"): void {
    const lines = this.#lines;
    lines.add(
      "n = b[p++];",
      "if (n > 127) {",
      `n = ${lines.use("readLength")}(b, p - 1, ${end}, r);`,
      "p = r.p;",
      "}",
      `const ${q} = p + n;`,
      `if (!(${q} <= ${end})) throw ${lines.use("tooLong")}(p - 1, ${end});`,
    );
  }

  /** Reads one value into a variable. */
  #emitValue(field: Field, target: string, end: string): void {
    const lines = this.#lines;
    if (field.kind !== "message") {
      this.#emitScalar(wireScalar(field) as ScalarType, target, end);
      return;
    }
    const nested = this.#schemas.indexOf(field.message);
    this.#emitLength(end);
    this.#emitCharge(messageCost(field.message));
    lines.add(`${target} = d${nested}(b, p, q, r, d - 1);`, "p = q;");
  }

  #emitScalar(scalar: ScalarType, target: string, end: string): void {
    const lines = this.#lines;
    const isNumber = this.#variant.int64 === "number";
    const long = (helper: string, after = "") =>
      lines.add(
        `${target} = b[p++];`,
        `if (${target} > 127) {`,
        `${target} = ${lines.use(helper)}(b, p - 1, ${end}, r)${after};`,
        "p = r.p;",
        "}",
      );
    const whole = (helper: string) =>
      lines.add(`${target} = ${lines.use(helper)}(b, p, ${end}, r);`, "p = r.p;");
    const fixed = (size: number, expression: string) =>
      lines.add(
        `if (p + ${size} > ${end}) throw ${lines.use("truncated")}(p);`,
        `${target} = ${expression};`,
        `p += ${size};`,
      );
    const read64 = (name: string) => lines.use(isNumber ? `${name}Number` : name);
    switch (scalar) {
      case "int32":
        long(this.#isKing ? "readInt32Strict" : "readInt32");
        break;
      case "uint32":
        long(this.#isKing ? "readUint32Strict" : "readInt32", " >>> 0");
        break;
      case "sint32":
        long(this.#isKing ? "readUint32Strict" : "readInt32");
        lines.add(`${target} = (${target} >>> 1) ^ -(${target} & 1);`);
        break;
      case "bool":
        long("readBool");
        lines.add(`${target} = ${target} !== 0 && ${target} !== false;`);
        break;
      case "int64":
        if (isNumber) long("readInt64Number");
        else whole("readInt64");
        break;
      case "uint64":
        if (isNumber) long("readUint64Number");
        else whole(this.#isKing ? "readUint63" : "readUint64");
        break;
      case "sint64":
        whole(read64("readSint64"));
        break;
      case "fixed64":
        fixed(
          8,
          `${this.#isKing && !isNumber ? lines.use("readFixed63") : read64("readFixed64")}(b, p)`,
        );
        break;
      case "sfixed64":
        fixed(8, `${read64("readSfixed64")}(b, p)`);
        break;
      case "fixed32":
        fixed(4, `${lines.use("readFixed32")}(b, p) >>> 0`);
        break;
      case "sfixed32":
        fixed(4, `${lines.use("readFixed32")}(b, p)`);
        break;
      case "float":
        fixed(4, `${lines.use("readFloat")}(b, p, r)`);
        break;
      case "double":
        fixed(8, `${lines.use("readDouble")}(b, p, r)`);
        break;
      case "string":
        this.#emitLength(end);
        lines.add(`${target} = ${lines.use("readText")}(b, p, q, r);`, "p = q;");
        break;
      case "bytes":
        this.#emitLength(end);
        lines.add(
          `${target} = ${lines.use(this.#variant.bytes === "view" ? "viewBytes" : "readBytes")}(b, p, q, r);`,
          "p = q;",
        );
    }
  }

  /** Reads a list that is one record: its items are counted first. */
  #emitPacked(field: Field): void {
    const lines = this.#lines;
    const scalar = wireScalar(field) as ScalarType;
    const target = local(field);
    lines.add(`i = ${target} === undefined ? 0 : ${target}.length;`);
    this.#emitLength("e", "m");
    const size = { 0: 0, 1: 8, 2: 0, 5: 4 }[scalarWireType(scalar)];
    if (size > 0) lines.add(`if (n % ${size} !== 0) throw ${lines.use("misaligned")}(p, ${size});`);
    lines.add(
      `const c = ${size > 0 ? `n / ${size}` : `${lines.use("countVarints")}(b, p, m)`};`,
      "if (n > 0) {",
      `if ((r.items -= c) < 0) throw ${lines.use("tooManyAt")}(r, p);`,
      `if (i === 0) ${target} = new Array(c);`,
      "while (p < m) {",
    );
    this.#emitScalar(scalar, "x", "m");
    lines.add(`${target}[i++] = x;`, "}", `if (p !== m) throw ${lines.use("truncated")}(m);`, "}");
  }

  /** The function that reads one entry of a map. */
  #emitEntry(field: Field, keyType: MapKeyType): void {
    const lines = this.#lines;
    const scalar = wireScalar(field);
    const isText = keyType === "string";
    lines.add(
      `function y${this.#index}_${field.tag}(b, p, e, r, d, m) {`,
      `let k = 0, n = 0, x = ${isText ? '""' : keyType === "bool" ? "false" : "0"}, y${scalar === undefined ? "" : ` = ${this.#zero(scalar)}`};`,
      ...(field.kind === "message" ? ["let s = -1, t = 0, w;"] : []),
      "while (p < e) {",
      "const z = p;",
      "k = b[p++];",
    );
    this.#emitLongKey();
    lines.add("switch (k) {", `case ${fieldKey(1, scalarWireType(keyType))}: {`);
    if (isText) {
      this.#emitLength();
      lines.add(
        `x = n > r.maxStringBytes ? undefined : ${lines.use("knownKey")}(b, p, q);`,
        "if (x === undefined) {",
        `x = ${lines.use("readText")}(b, p, q, r);`,
        `${lines.use("rememberKey")}(b, p, q, x);`,
        "}",
        "p = q;",
      );
    } else this.#emitKeyScalar(keyType);
    const valueKey = fieldKey(2, valueWireType(field));
    lines.add(
      // The value usually follows the key.
      `if (p >= e || b[p] !== ${valueKey}) break;`,
      "p++;",
      "}",
      `case ${valueKey}: {`,
    );
    if (field.kind === "message") {
      this.#emitLength();
      if (!this.#isKing) lines.use("addPart");
      lines.add(...(this.#isKing ? ["s = p, t = q;"] : addPart("s", "t", "w")), "p = q;");
    } else this.#emitValue(field, "y", "e");
    lines.add("break;", "}");
    this.#emitDefault(false);
    lines.add("}", "}", `if (p !== e) throw ${lines.use("truncated")}(e);`);
    if (field.kind === "message") {
      // A value that is missing is the empty message.
      lines.add("if (s < 0) s = t = e;");
      this.#emitCharge(messageCost(field.message), "s");
      this.#emitDecodeParts(field, "y", "s", "t", "w");
    }
    if (isText)
      lines.add(
        "k = x.charCodeAt(0);",
        `if ((k > 47 && k < 58) || x === "__proto__") ${lines.use("setEntry")}(m, x, y);`,
        "else m[x] = y;",
      );
    else lines.add("m[x] = y;");
    lines.add("}");
  }

  /** Keys of 64 bits are exact whatever values are: they become text. */
  #emitKeyScalar(keyType: MapKeyType): void {
    if (isInt64Type(keyType)) {
      const variant = { ...this.#variant, int64: "bigint" as const };
      new MessageDecoder(
        this.#schemas,
        this.#index,
        this.#schema,
        variant,
        this.#lines,
      ).#emitScalar(keyType, "x", "e");
    } else this.#emitScalar(keyType, "x", "e");
  }

  #emitResult(): void {
    const lines = this.#lines;
    const { fields, name } = this.#schema;
    const sometimes: Field[] = [];
    for (const field of fields) {
      const target = local(field);
      if (field.presence === "required")
        lines.add(
          `if (${target} === undefined) throw ${lines.use("missing")}(${literal(name)}, ${literal(field.name)}, e);`,
        );
      else if (field.default !== undefined)
        lines.add(`if (${target} === undefined) ${target} = ${this.#defaultOf(field)};`);
      else if (field.presence === "explicit") sometimes.push(field);
      else if (field.repeated) lines.add(`if (${target} === undefined) ${target} = [];`);
      else if (field.map !== undefined) lines.add(`if (${target} === undefined) ${target} = {};`);
      else if (wireScalar(field) === "bytes")
        lines.add(`if (${target} === undefined) ${target} = new Uint8Array(0);`);
    }
    const made = this.#variant.classes?.get(this.#schema);
    if (made !== undefined) {
      lines.add(`const o = new K[${made}]();`);
      for (const field of fields) {
        const set =
          field.name === "__proto__"
            ? `${lines.use("setEntry")}(o, "__proto__", ${local(field)});`
            : `o${member(field.name)} = ${local(field)};`;
        lines.add(sometimes.includes(field) ? `if (${local(field)} !== undefined) ${set}` : set);
      }
    } else this.#emitObject(sometimes);
    if (this.#keeps)
      lines.add(
        `if (u !== undefined) o[${lines.use("unknownFields")}] = ${lines.use("joined")}(b, u);`,
      );
    lines.add("return o;");
  }

  #emitObject(sometimes: readonly Field[]): void {
    const lines = this.#lines;
    const { fields } = this.#schema;
    const object = (of: readonly Field[]) =>
      `{ ${of.map((field) => `${propertyName(field.name)}: ${local(field)}`).join(", ")} }`;
    if (sometimes.length === 0) {
      lines.add(`const o = ${object(fields)};`);
      return;
    }
    const all = sometimes.map((field) => `${local(field)} !== undefined`).join(" && ");
    lines.add("let o;", `if (${all}) o = ${object(fields)};`, "else {");
    lines.add(`o = ${object(fields.filter((field) => !sometimes.includes(field)))};`);
    for (const field of sometimes)
      lines.add(
        field.name === "__proto__"
          ? `if (${local(field)} !== undefined) ${lines.use("setEntry")}(o, "__proto__", ${local(field)});`
          : `if (${local(field)} !== undefined) o${member(field.name)} = ${local(field)};`,
      );
    lines.add("}");
  }

  #defaultOf(field: Field): string {
    const value = field.default;
    if (typeof value === "string") return literal(value);
    if (typeof value === "bigint")
      return this.#variant.int64 === "number" ? `${value}` : `${value}n`;
    if (value instanceof Uint8Array) return `new Uint8Array([${value.join(", ")}])`;
    return Object.is(value, -0) ? "-0" : String(value);
  }
}

/** The variables for the parts of a field's message: of the first one, and of all when there are more. */
function partsOf({ tag }: Field) {
  const [start, end, more] = [`s${tag}`, `t${tag}`, `w${tag}`] as const;
  return {
    start,
    end,
    more,
    declared: `${start} = -1, ${end} = 0, ${more}`,
    add: addPart(start, end, more),
    reset: `${start} = -1; ${more} = undefined;`,
  };
}

/** Notes that a part lies from `p` to `q`; each after the first takes something of what may still come. */
function addPart(start: string, end: string, more: string): string[] {
  return [
    `if (${start} < 0) ${start} = p, ${end} = q;`,
    `else ${more} = addPart(${more}, ${start}, ${end}, p, q, r);`,
  ];
}

/** The key a field usually comes with. */
function usualKey(field: Field): number {
  const isDelimited = field.map !== undefined || field.packed;
  return fieldKey(field.tag, isDelimited ? 2 : valueWireType(field));
}

/** The variable that holds a field's value. */
function local(field: Field): string {
  return `a${field.tag}`;
}
