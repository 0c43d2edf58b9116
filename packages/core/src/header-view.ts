/**
 * Received header or trailer fields, read only. Names are matched without regard to case
 * (RFC 9110, section 5.1) and come out in lower case; order is that of the wire.
 */
export interface HeaderView extends Iterable<readonly [name: string, value: string]> {
  /** Number of field lines. */
  readonly size: number;
  /** The value, several lines joined by `", "` (RFC 9110, section 5.3; `cookie` by `"; "`). */
  get(name: string): string | undefined;
  /** Each line of the field apart, as `set-cookie` needs it; empty when absent. */
  getAll(name: string): readonly string[];
  has(name: string): boolean;
  /** A new genuine `Headers`. */
  toHeaders(): Headers;
}

/** Fields to send: a value, or several lines of one name. */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

class FlatHeaderView implements HeaderView {
  readonly #flat: readonly string[];

  constructor(flat: readonly string[]) {
    this.#flat = flat;
  }

  get size(): number {
    return this.#flat.length / 2;
  }

  get(name: string): string | undefined {
    const wanted = name.toLowerCase();
    let found: string | undefined;
    for (let i = 0; i < this.#flat.length; i += 2) {
      const each = this.#flat[i] as string;
      if (each.length !== wanted.length || each.toLowerCase() !== wanted) continue;
      const value = this.#flat[i + 1] as string;
      if (found === undefined) found = value;
      else found += (wanted === "cookie" ? "; " : ", ") + value;
    }
    return found;
  }

  getAll(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    const found: string[] = [];
    for (let i = 0; i < this.#flat.length; i += 2) {
      if ((this.#flat[i] as string).toLowerCase() === wanted)
        found.push(this.#flat[i + 1] as string);
    }
    return found;
  }

  has(name: string): boolean {
    const wanted = name.toLowerCase();
    for (let i = 0; i < this.#flat.length; i += 2) {
      if ((this.#flat[i] as string).toLowerCase() === wanted) return true;
    }
    return false;
  }

  toHeaders(): Headers {
    const headers = new Headers();
    for (const [name, value] of this) headers.append(name, value);
    return headers;
  }

  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    for (let i = 0; i < this.#flat.length; i += 2) {
      yield [(this.#flat[i] as string).toLowerCase(), this.#flat[i + 1] as string];
    }
  }
}

/** A view over `[name, value, name, value, ...]` as parsers give it; the array is not copied. */
export function headerView(flat: readonly string[]): HeaderView {
  return new FlatHeaderView(flat);
}

/** A view without fields. */
export const emptyHeaders: HeaderView = /* @__PURE__ */ headerView([]);
