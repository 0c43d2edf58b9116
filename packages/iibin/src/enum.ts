import { optionFault } from "./check-options.ts";
import { definitionMark, isDefinition } from "./definition.ts";
import { describeValue } from "./describe-value.ts";
import { iibinErrors } from "./errors.ts";
import { isRegistry } from "./is-registry.ts";
import type { Registry } from "./registry.ts";

/** Numbers by member name; each fits 32 bits, signed. */
export type EnumMembers = Readonly<Record<string, number>>;

/** A set of named numbers, made by {@link defineEnum}. Enums are open: decoding lets others pass. */
export interface Enum<Name extends string = string, Members extends EnumMembers = EnumMembers> {
  readonly kind: "enum";
  readonly name: Name;
  /** Frozen, in the order they were given; usable as constants: `Level.members.HIGH`. */
  readonly members: Members;
}

/** How {@link defineEnum} goes about it. */
export interface DefineEnumOptions {
  /** Collects the enum, so that schemas of the registry can name it. */
  readonly registry?: Registry;
  /** Lets several members share a number, as `allow_alias` of protobuf. @default false */
  readonly allowAlias?: boolean;
}

const enumOptions: readonly string[] = ["registry", "allowAlias"];

/**
 * Defines an enum: member names to numbers from -2^31 to 2^31-1.
 *
 * @throws {KingError} `KING_IIBIN_SCHEMA_INVALID` for a number out of range or used twice, and for an
 * option there is not; `KING_IIBIN_REGISTRY` when the registry has the name already.
 */
/* @__NO_SIDE_EFFECTS__ */
export function defineEnum<const Name extends string, const Members extends EnumMembers>(
  name: Name,
  members: Members,
  options?: DefineEnumOptions,
): Enum<Name, Members> {
  const refuse = (field: string | undefined, message: string) =>
    iibinErrors.create("KING_IIBIN_SCHEMA_INVALID", `enum ${name}: ${message}`, {
      schema: name,
      ...(field !== undefined && { field }),
    });
  if (typeof name !== "string" || name === "")
    throw refuse(undefined, `expected a name, got ${describeValue(name)}`);
  const fault = optionFault(options, enumOptions);
  if (fault !== undefined) throw refuse(undefined, fault.message);
  const { registry, allowAlias = false } = options ?? {};
  if (registry !== undefined && !isRegistry(registry))
    throw refuse(undefined, `registry: expected a Registry, got ${describeValue(registry)}`);
  if (typeof members !== "object" || members === null || Array.isArray(members))
    throw refuse(undefined, `expected an object of members, got ${describeValue(members)}`);
  // Own keys only: a member called "constructor" is looked up like any other. Copied before it is checked.
  const own = Object.assign(Object.create(null) as Record<string, number>, members);
  const names = new Map<number, string>();
  for (const [member, number] of Object.entries(own)) {
    if (typeof number !== "number" || (number | 0) !== number)
      throw refuse(
        member,
        `${member}: expected an integer of 32 bits, got ${describeValue(number)}`,
      );
    const earlier = names.get(number);
    if (earlier !== undefined && !allowAlias)
      throw refuse(member, `${member}: ${number} is the number of ${earlier} already`);
    if (earlier === undefined) names.set(number, member);
  }
  const made: Enum<Name, Members> = Object.freeze({
    ...definitionMark("enum"),
    kind: "enum" as const,
    name,
    members: Object.freeze(own) as Members,
  });
  registry?.add(made);
  return made;
}

export function isEnum(value: unknown): value is Enum {
  return isDefinition(value, "enum");
}

/** The first member with that number; `undefined` for a number without one. */
export function enumMemberName(type: Enum, number: number): string | undefined {
  for (const name in type.members) if (type.members[name] === number) return name;
  return undefined;
}
