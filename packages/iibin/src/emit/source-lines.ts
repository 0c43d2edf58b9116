/** Source being written: indented lines, and which functions of the runtime they call. @internal */
export class SourceLines {
  readonly helpers: Set<string>;
  #text = "";
  #indent: string;

  constructor(helpers: Set<string>, indent = "") {
    this.helpers = helpers;
    this.#indent = indent;
  }

  /** Adds lines; one that ends in `{` indents what follows, one that starts with `}` ends that. */
  add(...lines: string[]): this {
    for (const line of lines) {
      if (line === "") continue;
      if (line.startsWith("}")) this.#indent = this.#indent.slice(2);
      this.#text += `${this.#indent}${line}\n`;
      if (line.endsWith("{")) this.#indent += "  ";
    }
    return this;
  }

  /** Name of a function of the runtime, which the source now needs. */
  use(helper: string): string {
    this.helpers.add(helper);
    return helper;
  }

  toString(): string {
    return this.#text;
  }
}

/** Text as a literal, without what would end a script element or a line of old engines. */
export function literal(value: string): string {
  return JSON.stringify(value)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
}

/** `.name`, or `["any name"]`. */
export function member(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${literal(name)}]`;
}

/** A property's name in an object literal; `__proto__` must be computed, or it would be no property. */
export function propertyName(name: string): string {
  if (name === "__proto__") return '["__proto__"]';
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name);
}
