import type { ConfigKey } from "./key.ts";

/** The keys of a section by name. */
export type SectionKeys = Readonly<Record<string, ConfigKey>>;

/** A group of settings, declared by the plane that reads them. */
export interface Section<Name extends string = string, Keys extends SectionKeys = SectionKeys> {
  readonly name: Name;
  /** Raised by the plane when the meaning of a key changes; see KING_CONFIG_SECTION_VERSION. */
  readonly version: number;
  readonly doc: string;
  readonly keys: Keys;
}

type ValueOf<Key> = Key extends ConfigKey<infer Value> ? Value : never;

/** The values of a section by key. */
export type SectionValues<S extends Section> = {
  readonly [Key in keyof S["keys"]]: ValueOf<S["keys"][Key]>;
};

/** `"section.key"` for every key of every section. */
export type KeyName<S extends Section> = S extends Section
  ? `${S["name"]}.${Extract<keyof S["keys"], string>}`
  : never;

/** The value behind a {@link KeyName}. */
export type KeyValue<S extends Section, Name extends string> = S extends Section
  ? Name extends `${S["name"]}.${infer Key}`
    ? ValueOf<S["keys"][Key]>
    : never
  : never;

/** Values to lay over others, by section and key; `undefined` leaves a key alone. */
export type SectionOverrides<S extends Section> = {
  readonly [Each in S as Each["name"]]?:
    | { readonly [Key in keyof Each["keys"]]?: ValueOf<Each["keys"][Key]> | undefined }
    | undefined;
};

/**
 * Declares a section. Nothing is registered anywhere: it is handed to `defineConfig`.
 *
 * @__NO_SIDE_EFFECTS__
 */
export function defineSection<const Name extends string, const Keys extends SectionKeys>(
  name: Name,
  keys: Keys,
  options?: { version?: number; doc?: string },
): Section<Name, Keys> {
  return { name, version: options?.version ?? 1, doc: options?.doc ?? "", keys };
}
