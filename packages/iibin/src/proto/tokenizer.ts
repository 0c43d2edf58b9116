import type { ProtoSource } from "./proto-source.ts";
import type { Token } from "./token.ts";

/** Splits a `.proto` file into tokens, leaving out blanks and comments. */
export class Tokenizer {
  readonly #source: ProtoSource;
  readonly #text: string;
  #at: number;

  constructor(source: ProtoSource) {
    this.#source = source;
    this.#text = source.text;
    this.#at = source.text.startsWith("\uFEFF") ? 1 : 0;
  }

  /** The next token; at the end of the file, `end` again and again. */
  next(): Token {
    this.#skipBlanks();
    const text = this.#text;
    const at = this.#at;
    if (at >= text.length) return { kind: "end", text: "", at };
    const first = text.charCodeAt(at);
    if (isLetter(first)) {
      while (isWordCharacter(text.charCodeAt(this.#at))) this.#at++;
      return this.#token("identifier", at);
    }
    if (isDigit(first) || (first === dot && isDigit(text.charCodeAt(at + 1))))
      return this.#token(this.#skipNumber(), at);
    if (first === doubleQuote || first === singleQuote) {
      this.#skipString(first);
      return this.#token("string", at);
    }
    if (first <= space || first >= 0x7f)
      throw this.#source.invalid(
        at,
        `expected a word of proto3, got the character U+${(text.codePointAt(at) ?? 0)
          .toString(16)
          .toUpperCase()
          .padStart(4, "0")}`,
      );
    this.#at++;
    return this.#token("symbol", at);
  }

  #token(kind: Token["kind"], at: number): Token {
    return { kind, text: this.#text.slice(at, this.#at), at };
  }

  #skipBlanks(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === space || (code >= tab && code <= carriageReturn)) {
        this.#at++;
      } else if (text.startsWith("//", this.#at)) {
        const end = text.indexOf("\n", this.#at);
        this.#at = end === -1 ? text.length : end;
      } else if (text.startsWith("/*", this.#at)) {
        const end = text.indexOf("*/", this.#at + 2);
        if (end === -1)
          throw this.#source.invalid(this.#at, 'expected "*/" after this "/*", got none');
        this.#at = end + 2;
      } else return;
    }
  }

  #skipNumber(): "integer" | "float" {
    const text = this.#text;
    const start = this.#at;
    const skip = (is: (code: number) => boolean) => {
      const from = this.#at;
      while (is(text.charCodeAt(this.#at))) this.#at++;
      return this.#at > from;
    };
    const wrong = (expected: string) =>
      this.#source.invalid(start, `expected ${expected}, got "${text.slice(start, start + 40)}"`);
    let kind: "integer" | "float" = "integer";
    if (/^0[xX]/.test(text.slice(start, start + 2))) {
      this.#at += 2;
      if (!skip(isHexDigit)) throw wrong("hexadecimal digits after 0x");
    } else {
      skip(isDigit);
      if (text.charCodeAt(this.#at) === dot) {
        kind = "float";
        this.#at++;
        skip(isDigit);
      }
      if (/^[eE]$/.test(text.charAt(this.#at))) {
        kind = "float";
        this.#at++;
        if (/^[+-]$/.test(text.charAt(this.#at))) this.#at++;
        if (!skip(isDigit)) throw wrong("digits of an exponent");
      }
      // Text format, in the values of options, ends floats with an f.
      if (kind === "float" && /^[fF]$/.test(text.charAt(this.#at))) this.#at++;
    }
    if (isWordCharacter(text.charCodeAt(this.#at))) throw wrong("a number");
    if (kind === "integer" && /^0[0-7]*[89]/.test(text.slice(start, this.#at)))
      throw wrong("octal digits after a leading 0");
    return kind;
  }

  #skipString(quote: number): void {
    const text = this.#text;
    const start = this.#at++;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (Number.isNaN(code) || code === lineFeed)
        throw this.#source.invalid(start, "expected the string to end on its line");
      if (code === 0) throw this.#source.invalid(this.#at, "expected text, got the character NUL");
      if (code === backslash) {
        const sequence = escapeAt(text, this.#at);
        if (sequence === undefined)
          throw this.#source.invalid(
            this.#at,
            `expected an escape such as \\n or \\x41, got ${JSON.stringify(text.slice(this.#at, this.#at + 2))}`,
          );
        this.#at += sequence.length;
      } else {
        this.#at++;
        if (code === quote) return;
      }
    }
  }
}

/** The bytes of a string token: what it says between its quotes, as UTF-8, its escapes as they say. */
export function stringTokenBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const end = text.length - 1;
  for (let at = 1; at < end; ) {
    if (text.charCodeAt(at) === backslash) {
      const sequence = escapeAt(text, at);
      if (sequence === undefined) break;
      bytes.push(...sequence.bytes());
      at += sequence.length;
    } else {
      const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
      bytes.push(...encoder.encode(character));
      at += character.length;
    }
  }
  return Uint8Array.from(bytes);
}

interface EscapeSequence {
  readonly length: number;
  bytes(): Iterable<number>;
}

const simpleEscapes = new Map(
  Object.entries({ a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, "\\": 92, "'": 39, '"': 34 }),
).set("?", 63);

/** The escape that begins with the backslash at `at`; `undefined` when it is none. */
function escapeAt(text: string, at: number): EscapeSequence | undefined {
  const next = text.charAt(at + 1);
  const simple = simpleEscapes.get(next);
  if (simple !== undefined) return { length: 2, bytes: () => [simple] };
  const digits = /^(?:[0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/.exec(
    text.slice(at + 1, at + 10),
  )?.[0];
  if (digits === undefined) return undefined;
  const length = 1 + digits.length;
  if (isDigit(digits.charCodeAt(0))) {
    const byte = Number.parseInt(digits, 8);
    return byte > 255 ? undefined : { length, bytes: () => [byte] };
  }
  const value = Number.parseInt(digits.slice(1), 16);
  if (/^[xX]/.test(digits)) return { length, bytes: () => [value] };
  if (value > 0x10ffff) return undefined;
  return { length, bytes: () => new TextEncoder().encode(String.fromCodePoint(value)) };
}

const tab = 9;
const lineFeed = 10;
const carriageReturn = 13;
const space = 32;
const doubleQuote = 34;
const singleQuote = 39;
const dot = 46;
const backslash = 92;

const isDigit = (code: number) => code >= 48 && code <= 57;
const isLetter = (code: number) =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
const isWordCharacter = (code: number) => isLetter(code) || isDigit(code);
const isHexDigit = (code: number) =>
  isDigit(code) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);
