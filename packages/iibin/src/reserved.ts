import { describeValue } from "./describe-value.ts";
import type { FieldDefinitions, Refuse } from "./schema.ts";
import { largestTag } from "./tag-range.ts";

/** What no field may use: a tag, the first and the last of several, or a name as in `.proto` files. */
export type Reserved = number | readonly [first: number, last: number] | string;

/**
 * A frozen copy of what is reserved.
 *
 * @throws what `refuse` makes: of what is no list of reservations, of tags or names that are reserved
 * twice, and of fields that use one.
 * @internal
 */
export function checkReserved(
  given: unknown,
  fields: FieldDefinitions,
  refuse: Refuse,
): readonly Reserved[] {
  if (!Array.isArray(given))
    throw refuse(undefined, `reserved: expected an array, got ${describeValue(given)}`);
  const taken: [first: number, last: number, field?: string][] = [];
  const names = new Map<string, string | undefined>();
  for (const [name, { tag, protoName = name }] of Object.entries(fields)) {
    taken.push([tag, tag, name]);
    names.set(protoName, name);
  }
  const copy = Array.from(given, (entry: unknown): Reserved => {
    if (typeof entry === "string" && entry !== "") {
      if (names.has(entry)) throw refuse(names.get(entry), `the name ${entry} is reserved already`);
      names.set(entry, undefined);
      return entry;
    }
    const range: unknown[] = Array.isArray(entry) ? [...entry] : [entry, entry];
    const [first, last] = range as [number, number];
    const isRange = range.length === 2 && range.every(Number.isInteger);
    if (!(isRange && first > 0 && first <= last && last <= largestTag))
      throw refuse(
        undefined,
        `reserved: expected tags from 1 to ${largestTag}, pairs of them and names, got ${describeValue(entry)}`,
      );
    taken.push([first, last]);
    return Array.isArray(entry) ? Object.freeze([first, last] as const) : first;
  });
  taken.sort(([a], [b]) => a - b);
  let before = taken[0];
  for (const each of taken.slice(1)) {
    const [first, , field = before?.[2]] = each;
    if (before !== undefined && first <= before[1])
      throw refuse(field, `tag ${first} is reserved already`);
    before = each;
  }
  return Object.freeze(copy);
}
