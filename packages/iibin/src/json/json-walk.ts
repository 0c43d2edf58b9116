import { describeValue } from "../describe-value.ts";
import { iibinErrors } from "../errors.ts";
import { type Limits, type ResolvedLimits, resolveLimits } from "../limits.ts";
import type { ScalarType } from "../scalar-type.ts";
import type { AnySchema, Profile } from "../schema.ts";

/** Where a walk through a message and its JSON is: for the paths in errors, and what limits count. */
export class JsonWalk {
  readonly limits: ResolvedLimits;
  readonly profile: Profile;
  readonly #root: string;
  readonly #steps: string[] = [];
  // The root is neither an item nor at a depth.
  #depth = -1;
  #items = -1;

  /** Whether integers that are no safe ones may be bigint, as JSON has none but for exact reading. */
  readonly hasBigints: boolean;

  constructor(schema: AnySchema, limits: Limits | undefined, hasBigints = false) {
    this.hasBigints = hasBigints;
    this.#root = schema.name;
    this.profile = schema.profile;
    this.limits = resolveLimits(limits, schema.profile);
  }

  /** Steps into a field or an item, `[3]`. */
  enter(step: string): void {
    this.#steps.push(step);
  }

  /** Steps into a map's entry; keys that are text can be secrets, as strings can. */
  enterEntry(keys: ScalarType, key: string): void {
    const isShown = keys !== "string" && /^(?:-?[0-9]{1,20}|true|false)$/.test(key);
    this.#steps.push(isShown ? `[${key}]` : "[*]");
  }

  leave(): void {
    this.#steps.pop();
  }

  /** Steps into a message; {@link ascend} follows unless there was an error, which ends the walk. */
  descend(): void {
    if (++this.#depth > this.limits.maxDepth) throw this.overLimit("maxDepth");
    this.countItem();
  }

  ascend(): void {
    this.#depth--;
  }

  /** Counts one of what maxItems is about; messages are counted by {@link descend}. */
  countItem(): void {
    if (++this.#items > this.limits.maxItems) throw this.overLimit("maxItems");
  }

  /** The error for what is wrong here. */
  refuse(message: string, options?: { cause: unknown }): Error {
    return iibinErrors.create(
      "KING_IIBIN_JSON_INVALID",
      `${this.#where()}: ${message}`,
      { schema: this.#root, path: this.#path() },
      options,
    );
  }

  /** The error for a value that is something else than expected; contents of strings are not told. */
  expected(what: string, value: unknown): Error {
    return this.refuse(`expected ${what}, got ${describeValue(value)}`);
  }

  /** The error for a key that no field of the schema has. */
  unknownField(schema: AnySchema, key: string): Error {
    return this.refuse(`expected a field of ${schema.name}, got ${describeKey(key)}`);
  }

  /** The error for more than a limit allows. */
  overLimit(limit: keyof Limits): Error {
    const max = this.limits[limit];
    return iibinErrors.create(
      "KING_IIBIN_LIMIT",
      `${this.#where()}: more than ${limit} (${max}) allows`,
      { schema: this.#root, limit, max, path: this.#path() },
    );
  }

  #where(): string {
    const path = this.#path();
    return path === "" ? this.#root : `${this.#root}.${path}`;
  }

  #path(): string {
    return this.#steps.join(".").replaceAll(".[", "[");
  }
}

/**
 * A key for an error message. It can be data that came to the wrong place; what looks like a name is
 * no secret.
 */
function describeKey(key: string): string {
  return /^[A-Za-z_]\w{0,40}$/.test(key) ? key : `a key of ${key.length} characters`;
}
