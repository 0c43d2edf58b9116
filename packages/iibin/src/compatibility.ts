import { compareTypes } from "./compare-types.ts";
import { describeValue } from "./describe-value.ts";
import { type Enum, isEnum } from "./enum.ts";
import { iibinErrors } from "./errors.ts";
import type { Field } from "./field.ts";
import { fieldTypeName } from "./field-type-name.ts";
import { isRegistry } from "./is-registry.ts";
import type { Registry } from "./registry.ts";
import { Reservations, tagRangeText } from "./reservations.ts";
import { type AnySchema, isSchema } from "./schema.ts";

/** What makes messages of one side unreadable, or read as something else, on the other. */
export type BreakRule =
  /** A tag belongs to another field, of a type that reads its bytes otherwise. */
  | "tag-reused"
  /** A field has a tag or a name that was reserved: old bytes or JSON may have another under it. */
  | "reserved-reused"
  /** A field has another tag. */
  | "tag-changed"
  /** A type lies otherwise on the wire: a number where text was. */
  | "wire-type-changed"
  /** A type reads the same bytes as something else: `int32` and `sint32`, `bytes` and `string`. */
  | "type-changed"
  /** Profile `king` refuses values that were allowed. */
  | "range-narrowed"
  /** One value, a list and a map changed places. */
  | "cardinality-changed"
  /** A field is required that messages were valid without. */
  | "required-added"
  /** A field is missing or optional without which old readers refuse messages. */
  | "required-removed"
  /** Fields that could be set together exclude each other, or the other way round. */
  | "oneof-changed"
  /** A number of an enum has no member any more. */
  | "enum-number-removed"
  /** A member of an enum has another number. */
  | "enum-number-changed"
  /** The other profile has other rules for what it reads. */
  | "profile-changed"
  /** A registry lacks a schema or an enum. */
  | "definition-removed";

/** What goes well on the wire, but can surprise. */
export type WarningRule =
  /** A field is gone: its tag must not be used for another. */
  | "field-removed"
  /** A tag or a name is not reserved any more, though no field uses it yet. */
  | "reservation-removed"
  /** Values beyond the range of both types are read as others, or refused. */
  | "range-changed"
  /** Absent and zero are told apart by one side only. */
  | "presence-changed"
  /** One side reads another value for an absent field. */
  | "default-changed"
  /** JSON has another name for the field. */
  | "json-name-changed"
  /** JSON has another form for the value. */
  | "json-form-changed"
  /** A message or an enum has another name, which JSON and `Any` may carry. */
  | "type-renamed"
  /** A number of an enum has other names. */
  | "enum-name-changed";

/** One finding of {@link checkCompatibility}. */
export interface CompatibilityFinding<Rule extends string = string> {
  /** Stays the same in all versions. */
  readonly rule: Rule;
  /** Name of the schema or the enum, as the old side has it. */
  readonly schema: string;
  /** The field, or the member of an enum, as the old side has it where it does. */
  readonly field?: string;
  /** The field's tag on the old side where it has one; of a member, the number. */
  readonly tag?: number;
  /** What changed and what comes of it, in a sentence. */
  readonly message: string;
}

export type CompatibilityBreak = CompatibilityFinding<BreakRule>;
export type CompatibilityWarning = CompatibilityFinding<WarningRule>;

export interface Compatibility {
  /** Whether there are no breaks. */
  readonly compatible: boolean;
  readonly breaks: readonly CompatibilityBreak[];
  readonly warnings: readonly CompatibilityWarning[];
}

/**
 * Whether programs with the old and with the next definition can read each other's bytes, in both
 * directions. Fields are matched by their tags, definitions of registries by their names; messages
 * inside messages are compared too.
 *
 * @param old - and `next`: two schemas, two enums or two registries.
 * @throws {KingError} `KING_IIBIN_OPTION_INVALID` when they are not of one kind,
 * `KING_IIBIN_SCHEMA_INVALID` when a type given by name or function is missing.
 */
export function checkCompatibility(old: AnySchema, next: AnySchema): Compatibility;
export function checkCompatibility(old: Enum, next: Enum): Compatibility;
export function checkCompatibility(old: Registry, next: Registry): Compatibility;
export function checkCompatibility(
  old: AnySchema | Enum | Registry,
  next: AnySchema | Enum | Registry,
): Compatibility {
  const check = new Check();
  if (isSchema(old) && isSchema(next)) check.compareLater(old, next);
  else if (isEnum(old) && isEnum(next)) check.compareLater(old, next);
  else if (isRegistry(old) && isRegistry(next)) check.registries(old, next);
  else
    throw iibinErrors.create(
      "KING_IIBIN_OPTION_INVALID",
      `expected two schemas, two enums or two registries, got ${describeValue(old)} and ${describeValue(next)}`,
      { option: "next" },
    );
  check.run();
  const { breaks, warnings } = check;
  return { compatible: breaks.length === 0, breaks, warnings };
}

class Check {
  readonly breaks: CompatibilityBreak[] = [];
  readonly warnings: CompatibilityWarning[] = [];
  /** Pairs that were compared or will be: messages can contain each other. */
  readonly #seen = new Map<object, Set<object>>();
  readonly #waiting: (() => void)[] = [];

  run(): void {
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) work();
  }

  registries(old: Registry, next: Registry): void {
    for (const definition of [...old.schemas(), ...old.enums()]) {
      const { name, kind } = definition;
      const found = next.find(name);
      if (isSchema(definition) && isSchema(found)) this.compareLater(definition, found);
      else if (isEnum(definition) && isEnum(found)) this.compareLater(definition, found);
      else {
        const gone = found === undefined ? "is gone" : `is no ${kind} any more`;
        this.breaks.push({
          rule: "definition-removed",
          schema: name,
          message: `the ${kind} ${name} ${gone}`,
        });
      }
    }
  }

  compareLater(old: AnySchema | Enum, next: AnySchema | Enum): void {
    const seen = this.#seen.get(old) ?? new Set();
    if (old === next || seen.has(next)) return;
    this.#seen.set(old, seen.add(next));
    this.#waiting.push(() => {
      if (isSchema(old) && isSchema(next)) this.#schemas(old, next);
      else if (isEnum(old) && isEnum(next)) this.#enums(old, next);
    });
  }

  #schemas(old: AnySchema, next: AnySchema): void {
    const { name } = old;
    if (old.profile !== next.profile)
      this.breaks.push({
        rule: "profile-changed",
        schema: name,
        message: `${name} was of profile ${old.profile} and is of profile ${next.profile}, whose readers have other rules`,
      });
    const nextByTag = new Map(next.fields.map((field) => [field.tag, field]));
    const nextByName = new Map(next.fields.map((field) => [field.name, field]));
    const oldByTag = new Map(old.fields.map((field) => [field.tag, field]));
    const oldNames = new Set(old.fields.map((field) => field.name));
    const oldTogether = exclusions(old, nextByTag);
    const nextTogether = exclusions(next, oldByTag);
    const isKing = old.profile === "king" || next.profile === "king";
    for (const field of old.fields) {
      const same = nextByTag.get(field.tag);
      const moved = nextByName.get(field.name);
      if (moved !== undefined && moved.tag !== field.tag)
        this.#break(
          "tag-changed",
          old,
          field,
          `has the tag ${moved.tag}, under which old readers do not look for it`,
        );
      else if (same === undefined) this.#removed(old, field);
      if (same === undefined) continue;
      // A field that went elsewhere and left its tag to another has not become that other one.
      const isReused = same.name !== field.name && (moved !== undefined || oldNames.has(same.name));
      if (this.#type(old, field, same, isKing) && !isReused) this.#details(old, field, same);
      if (oldTogether.get(field.tag) !== nextTogether.get(field.tag))
        this.#break(
          "oneof-changed",
          old,
          field,
          `${oneofOf(field)} and ${oneofOf(same)}, so that fields which one side sets together lose each other on the other`,
        );
    }
    this.#reservations(old, next);
    for (const field of next.fields) {
      if (field.presence === "required" && !oldByTag.has(field.tag))
        this.#break(
          "required-added",
          old,
          field,
          "is new and required, so that messages written before are refused",
        );
    }
  }

  #reservations(old: AnySchema, next: AnySchema): void {
    const was = new Reservations(old.reserved);
    const is = new Reservations(next.reserved);
    const names = new Set(is.names);
    for (const field of next.fields) {
      const { tag, protoName } = field;
      names.add(protoName);
      const reused = [
        ...(was.hasTag(tag) ? [`the tag ${tag}`] : []),
        ...(was.names.has(protoName) ? [`the name ${protoName}`] : []),
      ];
      if (reused.length > 0)
        this.#break(
          "reserved-reused",
          old,
          field,
          `has ${reused.join(" and ")}, which nothing may use again: it was reserved`,
        );
    }
    const taken = [...is.ranges, ...next.fields.map(({ tag }) => [tag, tag] as const)];
    const schema = old.name;
    for (const range of was.without(taken.sort(([a], [b]) => a - b)))
      this.warnings.push({
        rule: "reservation-removed",
        schema,
        tag: range[0],
        message: `${schema} does not reserve ${tagRangeText(range)} any more: a field could take what others had`,
      });
    for (const name of was.names)
      if (!names.has(name))
        this.warnings.push({
          rule: "reservation-removed",
          schema,
          field: name,
          message: `${schema} does not reserve the name ${name} any more: a field could take what another had`,
        });
  }

  #removed(schema: AnySchema, field: Field): void {
    if (field.presence === "required")
      this.#break(
        "required-removed",
        schema,
        field,
        "is gone, and old readers refuse messages without it",
      );
    else
      this.#warn(
        "field-removed",
        schema,
        field,
        `is gone: never use the tag ${field.tag} for another field`,
      );
  }

  /** Compares what values are; gives whether the fields can be the same at all. */
  #type(schema: AnySchema, old: Field, next: Field, isKing: boolean): boolean {
    const was = fieldTypeName(old);
    const is = fieldTypeName(next);
    if (old.repeated !== next.repeated || (old.map === undefined) !== (next.map === undefined)) {
      this.#break("cardinality-changed", schema, old, `was ${was} and is ${is}`);
      return false;
    }
    const parts = [compareTypes(typeOf(old), typeOf(next), isKing)];
    if (old.map !== undefined && next.map !== undefined)
      parts.unshift(compareTypes(old.map, next.map, isKing));
    let isSame = true;
    for (const found of parts) {
      if (found === undefined) continue;
      const change = `was ${was} and is ${is}: ${found.because}`;
      if (!found.isBreak) this.#warn(found.rule, schema, old, change);
      else {
        isSame = false;
        const isOther = old.name !== next.name && found.rule !== "range-narrowed";
        if (isOther)
          this.#break(
            "tag-reused",
            schema,
            old,
            `was ${was}, and its tag is that of ${next.name}, ${is}, now: ${found.because}`,
          );
        else this.#break(found.rule, schema, old, change);
      }
    }
    const [oldType, nextType] = [typeOf(old), typeOf(next)];
    if (typeof oldType === "string" || typeof nextType === "string") return isSame;
    if (oldType.kind === nextType.kind && oldType.name !== nextType.name)
      this.#warn(
        "type-renamed",
        schema,
        old,
        `was of type ${oldType.name} and is of ${nextType.name}`,
      );
    this.compareLater(oldType, nextType);
    return isSame;
  }

  #details(schema: AnySchema, old: Field, next: Field): void {
    if (old.jsonName !== next.jsonName)
      this.#warn(
        "json-name-changed",
        schema,
        old,
        `was "${old.jsonName}" in JSON and is "${next.jsonName}"`,
      );
    if (old.presence !== next.presence) {
      if (next.presence === "required")
        this.#break(
          "required-added",
          schema,
          old,
          "is required now, so that messages written without it are refused",
        );
      else if (old.presence === "required")
        this.#break(
          "required-removed",
          schema,
          old,
          "is not required any more, and old readers refuse messages without it",
        );
      else if (old.default === undefined && next.default === undefined)
        this.#warn(
          "presence-changed",
          schema,
          old,
          `${presenceOf(old)} and ${presenceOf(next)}: what one side can tell from zero the other cannot`,
        );
    }
    if (!isSameDefault(old.default, next.default))
      this.#warn(
        "default-changed",
        schema,
        old,
        `${defaultOf(old)} and ${defaultOf(next)}: an absent field reads otherwise on either side`,
      );
  }

  #enums(old: Enum, next: Enum): void {
    const schema = old.name;
    const nextNames = new Map(
      Object.entries(next.members).map(([member, number]) => [number, member]),
    );
    for (const [member, number] of Object.entries(old.members)) {
      const now = Object.hasOwn(next.members, member) ? next.members[member] : undefined;
      if (now === number) continue;
      const where = { schema, field: member, tag: number };
      const inUse = nextNames.get(number);
      if (now !== undefined)
        this.breaks.push({
          rule: "enum-number-changed",
          ...where,
          message: `${schema}.${member} was ${number} and is ${now}: old bytes mean another member`,
        });
      else if (inUse === undefined)
        this.breaks.push({
          rule: "enum-number-removed",
          ...where,
          message: `${schema}.${member} (${number}) is gone, and no member has its number: values of it have no name`,
        });
      else
        this.warnings.push({
          rule: "enum-name-changed",
          ...where,
          message: `${schema}.${member} (${number}) is called ${inUse}: JSON with the old name is not read any more`,
        });
    }
  }

  #break(rule: BreakRule, { name }: AnySchema, field: Field, message: string): void {
    this.breaks.push({ rule, ...placeOf(name, field), message: sentence(name, field, message) });
  }

  #warn(rule: WarningRule, { name }: AnySchema, field: Field, message: string): void {
    this.warnings.push({ rule, ...placeOf(name, field), message: sentence(name, field, message) });
  }
}

const placeOf = (schema: string, { name, tag }: Field) => ({ schema, field: name, tag });
const sentence = (schema: string, { name, tag }: Field, message: string) =>
  `${schema}.${name} (tag ${tag}) ${message}`;

function typeOf(field: Field) {
  return field.kind === "scalar"
    ? field.scalar
    : field.kind === "enum"
      ? field.enum
      : field.message;
}

const oneofOf = ({ oneof }: Field) =>
  oneof === undefined ? "is in no oneof" : `is in oneof ${oneof}`;
const presenceOf = ({ presence }: Field) =>
  presence === "implicit" ? "is absent when zero" : "may be absent or zero";
const defaultOf = ({ default: value }: Field) =>
  value === undefined ? "has no default" : `has the default ${printDefault(value)}`;

function printDefault(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function isSameDefault(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  return Object.is(a, b);
}

/**
 * By tag, which of the fields that both sides have exclude the field: those of its oneof, when there
 * are several.
 */
function exclusions(
  schema: AnySchema,
  others: ReadonlyMap<number, Field>,
): ReadonlyMap<number, string> {
  const groups = new Map<string, number[]>();
  for (const { oneof, tag } of schema.fields) {
    if (oneof === undefined || !others.has(tag)) continue;
    const group = groups.get(oneof);
    if (group === undefined) groups.set(oneof, [tag]);
    else group.push(tag);
  }
  const byTag = new Map<number, string>();
  for (const tags of groups.values()) {
    if (tags.length < 2) continue;
    const group = tags.join();
    for (const tag of tags) byTag.set(tag, group);
  }
  return byTag;
}
