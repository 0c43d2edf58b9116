import { isMapKeyType } from "../scalar-type.ts";
import { isReservedTag, largestTag } from "../tag-range.ts";
import type {
  ProtoEnum,
  ProtoField,
  ProtoFile,
  ProtoImport,
  ProtoMember,
  ProtoMessage,
  ProtoName,
} from "./proto-file.ts";
import type { ProtoSource } from "./proto-source.ts";
import { describeToken, type Token } from "./token.ts";
import { stringTokenBytes, Tokenizer } from "./tokenizer.ts";

/** What {@link parseProto} keeps within bounds. */
export interface ParseProtoLimits {
  /** Messages inside messages, the outermost counted. */
  readonly maxNesting: number;
  /** Fields of one message. */
  readonly maxFields: number;
}

/**
 * Reads one proto3 file. Options are read over but for those that change the wire or JSON; services
 * and extensions of protobuf's options are read over whole.
 *
 * @throws {KingError} `KING_IIBIN_PROTO_INVALID` naming file, line, column and what was expected.
 */
export function parseProto(source: ProtoSource, limits: ParseProtoLimits): ProtoFile {
  return new Parser(source, limits).file();
}

const optionsExtendee = /^\.?google\.protobuf\.\w+Options$/;

interface FieldOptions {
  packed?: { value: boolean; at: number };
  jsonName?: string;
}

interface MessageDraft {
  readonly name: string;
  readonly fields: ProtoField[];
  readonly oneofs: ProtoName[];
  readonly messages: ProtoMessage[];
  readonly enums: ProtoEnum[];
  readonly reserved: Reserved;
}

/** Numbers, both ends of a range included, and names that may not be used again. */
interface Reserved {
  readonly ranges: [first: number, last: number, at: number][];
  readonly names: Set<string>;
}

class Parser {
  readonly #source: ProtoSource;
  readonly #limits: ParseProtoLimits;
  readonly #tokens: Tokenizer;
  #token: Token;
  #following: Token | undefined;

  constructor(source: ProtoSource, limits: ParseProtoLimits) {
    this.#source = source;
    this.#limits = limits;
    this.#tokens = new Tokenizer(source);
    this.#token = this.#tokens.next();
  }

  file(): ProtoFile {
    this.#syntax();
    const imports: ProtoImport[] = [];
    const messages: ProtoMessage[] = [];
    const enums: ProtoEnum[] = [];
    const services: ProtoName[] = [];
    let named: ProtoName | undefined;
    while (this.#token.kind !== "end") {
      const at = this.#token.at;
      if (this.#accept(";")) continue;
      if (this.#accept("import")) imports.push(this.#import());
      else if (this.#accept("package")) {
        if (named !== undefined) throw this.#fail(at, "a file has one package, got a second");
        named = { name: this.#fullName("the name of a package"), at };
        this.#expect(";");
      } else if (this.#accept("option")) this.#option();
      else if (this.#accept("message")) messages.push(this.#message(1));
      else if (this.#accept("enum")) enums.push(this.#enum());
      else if (this.#accept("service")) services.push(this.#service());
      else if (this.#accept("extend")) this.#extend();
      else
        throw this.#unexpected(
          '"import", "package", "option", "message", "enum", "service" or "extend"',
        );
    }
    return {
      source: this.#source,
      package: named?.name ?? "",
      packageAt: named?.at ?? 0,
      imports,
      messages,
      enums,
      services,
    };
  }

  #syntax(): void {
    const { at } = this.#token;
    if (this.#is("edition"))
      throw this.#fail(at, 'expected syntax = "proto3", got an edition, which cannot be imported');
    if (!this.#accept("syntax"))
      throw this.#fail(
        at,
        `expected syntax = "proto3"; before all else, or the file is proto2, got ${describeToken(this.#token)}`,
      );
    this.#expect("=");
    const version = this.#token;
    const name = this.#string('"proto3"');
    if (name !== "proto3")
      throw this.#fail(version.at, `expected "proto3", got ${describeToken(version)}`);
    this.#expect(";");
  }

  #import(): ProtoImport {
    const isPublic = this.#accept("public");
    if (!isPublic) this.#accept("weak");
    const { at } = this.#token;
    const path = this.#string("the path of a file in quotes");
    this.#expect(";");
    return { path, at, isPublic };
  }

  #message(depth: number): ProtoMessage {
    const { name, at } = this.#name("the name of a message");
    if (depth > this.#limits.maxNesting)
      throw this.#fail(
        at,
        `expected messages nested at most ${this.#limits.maxNesting} deep, got a deeper one`,
      );
    const draft: MessageDraft = {
      name,
      fields: [],
      oneofs: [],
      messages: [],
      enums: [],
      reserved: { ranges: [], names: new Set() },
    };
    this.#expect("{");
    while (!this.#accept("}")) {
      if (this.#accept(";")) continue;
      if (this.#accept("message")) draft.messages.push(this.#message(depth + 1));
      else if (this.#accept("enum")) draft.enums.push(this.#enum());
      else if (this.#accept("option")) this.#option();
      else if (this.#accept("reserved")) this.#reserved(draft.reserved, 1, largestTag);
      else if (this.#accept("extend")) this.#extend();
      else if (this.#accept("oneof")) this.#oneof(draft);
      else if (this.#is("extensions"))
        throw this.#fail(this.#token.at, "expected a field, got extensions, which are proto2's");
      else this.#add(draft, this.#field());
    }
    this.#checkFields(draft);
    const { fields, oneofs, messages, enums } = draft;
    const { ranges, names } = draft.reserved;
    const tags = ranges.map(([first, last]) => (first === last ? first : ([first, last] as const)));
    return { name, at, fields, oneofs, messages, enums, reserved: [...tags, ...names] };
  }

  #checkFields({ name, fields, reserved }: MessageDraft): void {
    const tags = new Map<number, string>();
    for (const field of fields) {
      const earlier = tags.get(field.tag);
      if (earlier !== undefined)
        throw this.#fail(
          field.tagAt,
          `expected a number of its own for field ${field.name} of ${name}, got ${field.tag}, the number of ${earlier}`,
        );
      tags.set(field.tag, field.name);
      if (reserved.names.has(field.name))
        throw this.#fail(field.at, `expected a name that is not reserved, got ${field.name}`);
    }
    const byTag = fields.toSorted((a, b) => a.tag - b.tag);
    this.#checkRanges(
      reserved.ranges,
      byTag.map(({ tag, tagAt }) => [tag, tagAt]),
    );
  }

  /** Refuses ranges that overlap, and numbers, which come in order, that lie in one. */
  #checkRanges(
    given: Reserved["ranges"],
    numbers: readonly (readonly [number: number, at: number])[],
  ): void {
    const ranges = given.toSorted(([a], [b]) => a - b);
    let last = Number.NEGATIVE_INFINITY;
    for (const [first, end, at] of ranges) {
      if (first <= last)
        throw this.#fail(at, `expected numbers that are reserved once, got ${first} again`);
      last = end;
    }
    let next = 0;
    let furthest = Number.NEGATIVE_INFINITY;
    for (const [number, at] of numbers) {
      for (let range = ranges[next]; range !== undefined && range[0] <= number; ) {
        furthest = Math.max(furthest, range[1]);
        range = ranges[++next];
      }
      if (number <= furthest)
        throw this.#fail(at, `expected a number that is not reserved, got ${number}`);
    }
  }

  #add(draft: MessageDraft, field: ProtoField): void {
    if (draft.fields.length === this.#limits.maxFields)
      throw this.#fail(
        field.at,
        `expected at most ${this.#limits.maxFields} fields in ${draft.name}, got another`,
      );
    draft.fields.push(field);
  }

  #oneof(draft: MessageDraft): void {
    const oneof = this.#name("the name of a oneof");
    const before = draft.fields.length;
    draft.oneofs.push(oneof);
    this.#expect("{");
    while (!this.#accept("}")) {
      if (this.#accept(";")) continue;
      if (this.#accept("option")) {
        this.#option();
        continue;
      }
      const label = this.#token;
      if (this.#isFieldLabel())
        throw this.#fail(label.at, `expected a type, got "${label.text}", which no oneof has`);
      this.#add(draft, this.#field(oneof.name));
    }
    if (draft.fields.length === before)
      throw this.#fail(oneof.at, `expected a field in oneof ${oneof.name}, got none`);
  }

  #isFieldLabel(): boolean {
    return this.#is("optional") || this.#is("repeated") || this.#is("required");
  }

  #field(oneof?: string): ProtoField {
    const start = this.#token;
    if (this.#is("required"))
      throw this.#fail(start.at, "expected a field of proto3, got required, which is proto2's");
    const label = this.#accept("optional")
      ? "optional"
      : this.#accept("repeated")
        ? "repeated"
        : undefined;
    if (this.#is("group"))
      throw this.#fail(this.#token.at, "expected a type, got a group, which is proto2's");
    let mapKey: string | undefined;
    const mapAt = this.#token.at;
    const isMap = this.#is("map") && this.#peek().text === "<";
    if (isMap) {
      if (label !== undefined)
        throw this.#fail(start.at, `expected a map without a label, got "${label}"`);
      if (oneof !== undefined)
        throw this.#fail(mapAt, "expected a type other than a map in a oneof, got a map");
      this.#advance();
      this.#expect("<");
      const key = this.#token;
      mapKey = this.#typeName("the type of the keys");
      if (!isMapKeyType(mapKey))
        throw this.#fail(
          key.at,
          `expected an integer type, "bool" or "string" for the keys, got "${mapKey}"`,
        );
      this.#expect(",");
    }
    const typeAt = this.#token.at;
    const type = this.#typeName("a type");
    if (isMap) this.#expect(">");
    const { name, at } = this.#name("the name of a field");
    this.#expect("=");
    const tagAt = this.#token.at;
    const tag = this.#integer("the number of the field");
    if (tag < 1 || tag > largestTag || isReservedTag(tag))
      throw this.#fail(
        tagAt,
        `expected a number from 1 to ${largestTag} without 19000 to 19999, got ${tag}`,
      );
    const options = this.#fieldOptions(true);
    this.#expect(";");
    return {
      name,
      at,
      tag,
      tagAt,
      type,
      typeAt,
      ...(label !== undefined && { label }),
      ...(mapKey !== undefined && { mapKey }),
      ...(oneof !== undefined && { oneof }),
      ...options,
    };
  }

  /** `[packed = true, (own) = {}]`, or nothing. */
  #fieldOptions(isField: boolean): FieldOptions {
    const options: FieldOptions = {};
    if (!this.#accept("[")) return options;
    do {
      const { at } = this.#token;
      const name = this.#optionName();
      this.#expect("=");
      if (isField && name === "packed") {
        options.packed = { value: this.#boolean(), at };
      } else if (isField && name === "json_name") {
        const value = this.#string("a name in quotes");
        if (value === "" || value.includes("\0"))
          throw this.#fail(at, "expected a json_name of some characters and no NUL");
        options.jsonName = value;
      } else if (isField && name === "default") {
        throw this.#fail(at, "expected an option of proto3, got default, which is proto2's");
      } else this.#optionValue();
    } while (this.#accept(","));
    this.#expect("]");
    return options;
  }

  #enum(): ProtoEnum {
    const { name, at } = this.#name("the name of an enum");
    const members: ProtoMember[] = [];
    const reserved: Reserved = { ranges: [], names: new Set() };
    let allowAlias = false;
    this.#expect("{");
    while (!this.#accept("}")) {
      if (this.#accept(";")) continue;
      if (this.#is("option") && this.#peek().text !== "=") {
        this.#advance();
        allowAlias = this.#option() ?? allowAlias;
      } else if (this.#is("reserved") && this.#peek().text !== "=") {
        this.#advance();
        this.#reserved(reserved, -(2 ** 31), 2 ** 31 - 1);
      } else members.push(this.#member());
    }
    const [first] = members;
    if (first === undefined)
      throw this.#fail(at, `expected a member of number 0 in enum ${name}, got none`);
    if (first.number !== 0)
      throw this.#fail(
        first.numberAt,
        `expected 0, the number of an enum's first member, got ${first.number}`,
      );
    const numbers = new Map<number, string>();
    for (const member of members) {
      const earlier = numbers.get(member.number);
      if (earlier !== undefined && !allowAlias)
        throw this.#fail(
          member.numberAt,
          `expected a number of its own for ${member.name} (or option allow_alias = true;), got ${member.number}, the number of ${earlier}`,
        );
      numbers.set(member.number, member.name);
      if (reserved.names.has(member.name))
        throw this.#fail(member.at, `expected a name that is not reserved, got ${member.name}`);
    }
    this.#checkRanges(
      reserved.ranges,
      members
        .map(({ number, numberAt }) => [number, numberAt] as const)
        .toSorted(([a], [b]) => a - b),
    );
    return { name, at, members, allowAlias };
  }

  #member(): ProtoMember {
    const { name, at } = this.#name("the name of a member");
    this.#expect("=");
    const numberAt = this.#token.at;
    const number = this.#signedInteger("the number of the member");
    if ((number | 0) !== number)
      throw this.#fail(numberAt, `expected a number of 32 bits, got ${number}`);
    this.#fieldOptions(false);
    this.#expect(";");
    return { name, at, number: number | 0, numberAt };
  }

  /** What follows `reserved`: ranges of numbers, or names in quotes. */
  #reserved(into: Reserved, smallest: number, largest: number): void {
    const isNames = this.#token.kind === "string";
    do {
      if (isNames) {
        const { at } = this.#token;
        const name = this.#string("a name in quotes");
        if (into.names.has(name))
          throw this.#fail(at, `expected names that are reserved once, got ${name} again`);
        into.names.add(name);
        continue;
      }
      const { at } = this.#token;
      const first = this.#signedInteger("a number or a name in quotes");
      const last = !this.#accept("to")
        ? first
        : this.#accept("max")
          ? largest
          : this.#signedInteger('a number or "max"');
      if (first < smallest || last > largest || last < first)
        throw this.#fail(
          at,
          `expected a range from ${smallest} to ${largest}, got ${first} to ${last}`,
        );
      into.ranges.push([first, last, at]);
    } while (this.#accept(","));
    this.#expect(";");
  }

  #service(): ProtoName {
    const service = this.#name("the name of a service");
    this.#expect("{");
    while (!this.#accept("}")) {
      if (this.#accept(";")) continue;
      if (this.#accept("option")) this.#option();
      else if (this.#accept("rpc")) this.#method();
      else throw this.#unexpected('"rpc", "option" or "}"');
    }
    return service;
  }

  #method(): void {
    this.#name("the name of a method");
    this.#messageInParentheses();
    this.#expect("returns");
    this.#messageInParentheses();
    if (this.#accept(";")) return;
    this.#expect("{");
    while (!this.#accept("}")) {
      if (this.#accept(";")) continue;
      this.#expect("option");
      this.#option();
    }
  }

  #messageInParentheses(): void {
    this.#expect("(");
    this.#accept("stream");
    this.#typeName("a message");
    this.#expect(")");
  }

  #extend(): void {
    const { at } = this.#token;
    const extendee = this.#typeName("a message to extend");
    if (!optionsExtendee.test(extendee))
      throw this.#fail(
        at,
        `expected one of protobuf's options, such as google.protobuf.FieldOptions, got "${extendee}": other extensions are proto2's`,
      );
    this.#expect("{");
    while (!this.#accept("}")) {
      if (!this.#accept(";")) this.#field();
    }
  }

  /** What follows `option`; gives the value of `allow_alias`. */
  #option(): boolean | undefined {
    const name = this.#optionName();
    this.#expect("=");
    let value: boolean | undefined;
    if (name === "allow_alias") value = this.#boolean();
    else this.#optionValue();
    this.#expect(";");
    return value;
  }

  #optionName(): string {
    let name = "";
    do {
      if (this.#accept("(")) {
        name += `(${this.#typeName("the name of an extension")})`;
        this.#expect(")");
      } else name += this.#name("the name of an option").name;
      name += ".";
    } while (this.#accept("."));
    return name.slice(0, -1);
  }

  #optionValue(): void {
    if (this.#is("{")) {
      this.#aggregate();
      return;
    }
    if (this.#token.kind === "string") {
      while (this.#token.kind === "string") this.#advance();
      return;
    }
    const sign = this.#accept("-") || this.#accept("+");
    const { kind } = this.#token;
    if (kind !== "integer" && kind !== "float" && kind !== "identifier")
      throw this.#unexpected(sign ? "a number" : "the value of an option");
    this.#advance();
  }

  /** A message in protobuf's text format, read over: only its brackets have to match. */
  #aggregate(): void {
    const { at } = this.#token;
    const open: string[] = [];
    do {
      const { text, kind } = this.#token;
      if (kind === "end") throw this.#fail(at, 'expected "}" after this "{", got none');
      if (kind === "symbol" && (text === "{" || text === "[")) open.push(text);
      else if (kind === "symbol" && (text === "}" || text === "]")) {
        const opened = open.pop();
        if ((opened === "{") !== (text === "}"))
          throw this.#unexpected(opened === "{" ? '"}"' : '"]"');
      }
      this.#advance();
    } while (open.length > 0);
  }

  #boolean(): boolean {
    const isTrue = this.#accept("true");
    if (!isTrue && !this.#accept("false")) throw this.#unexpected('"true" or "false"');
    return isTrue;
  }

  #integer(what: string): number {
    const { kind, text } = this.#token;
    if (kind !== "integer") throw this.#unexpected(what);
    this.#advance();
    return /^0[0-7]/.test(text) ? Number.parseInt(text, 8) : Number(text);
  }

  #signedInteger(what: string): number {
    return this.#accept("-") ? -this.#integer(what) : this.#integer(what);
  }

  /** Strings that follow each other are one. */
  #string(what: string): string {
    const first = this.#token;
    if (first.kind !== "string") throw this.#unexpected(what);
    const parts: Uint8Array[] = [];
    for (; this.#token.kind === "string"; this.#advance())
      parts.push(stringTokenBytes(this.#token.text));
    const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
    let end = 0;
    for (const part of parts) {
      bytes.set(part, end);
      end += part.length;
    }
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.#fail(first.at, `expected ${what}, got bytes that are no UTF-8`);
    }
  }

  #name(what: string): ProtoName {
    const { kind, text, at } = this.#token;
    if (kind !== "identifier") throw this.#unexpected(what);
    this.#advance();
    return { name: text, at };
  }

  #fullName(what: string): string {
    const parts = [this.#name(what).name];
    while (this.#accept(".")) parts.push(this.#name(what).name);
    return parts.join(".");
  }

  /** A full name, perhaps with a leading dot. */
  #typeName(what: string): string {
    const dot = this.#accept(".") ? "." : "";
    return dot + this.#fullName(what);
  }

  #is(text: string): boolean {
    return this.#token.text === text && this.#token.kind !== "string";
  }

  #accept(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#advance();
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#unexpected(`"${text}"`);
  }

  #advance(): void {
    this.#token = this.#following ?? this.#tokens.next();
    this.#following = undefined;
  }

  /** The token after the present one. */
  #peek(): Token {
    this.#following ??= this.#tokens.next();
    return this.#following;
  }

  #unexpected(what: string): Error {
    return this.#fail(this.#token.at, `expected ${what}, got ${describeToken(this.#token)}`);
  }

  #fail(at: number, message: string): Error {
    return this.#source.invalid(at, message);
  }
}
