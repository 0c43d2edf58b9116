import { describeValue } from "./describe-value.ts";
import type { FieldDefinitions, Refuse } from "./schema.ts";
import { largestTag } from "./tag-range.ts";

/** What no field may use: a tag, the first and the last of several, or a name as in `.proto` files. */
export type Reserved = number | readonly [first: number, last: number] | string;

/** Tags, both ends included. @internal */
export type TagRange = readonly [first: number, last: number];

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
  if (given === undefined) return Object.freeze([]);
  if (!Array.isArray(given))
    throw refuse(undefined, `reserved: expected an array, got ${describeValue(given)}`);
  const copy = Array.from(given, (entry: unknown): Reserved => {
    if (typeof entry === "string" && entry !== "") return entry;
    const range: unknown[] = Array.isArray(entry) ? Array.from(entry) : [entry, entry];
    const [first, last] = range as [number, number];
    const isRange =
      range.length === 2 && range.every(Number.isInteger) && first >= 1 && last <= largestTag;
    if (!isRange || first > last)
      throw refuse(
        undefined,
        `reserved: expected tags from 1 to ${largestTag}, ranges [first, last] of them and names, got ${describeValue(entry)}`,
      );
    return Array.isArray(entry) ? Object.freeze([first, last] as const) : first;
  });
  const reservations = new Reservations(copy);
  const { ranges, names } = reservations;
  for (let i = 1; i < ranges.length; i++) {
    const [first] = ranges[i] as TagRange;
    if (first <= (ranges[i - 1] as TagRange)[1])
      throw refuse(undefined, `reserved: expected each tag once, got ${first} twice`);
  }
  if (ranges.length + names.size < copy.length)
    throw refuse(undefined, "reserved: expected each name once, got one twice");
  for (const [name, { tag, protoName = name }] of Object.entries(fields)) {
    if (reservations.hasTag(tag)) throw refuse(name, `tag: ${tag} is reserved`);
    if (names.has(protoName)) throw refuse(name, `the name ${protoName} is reserved`);
  }
  return Object.freeze(copy);
}

/** What is reserved, to be looked up. @internal */
export class Reservations {
  /** In order. */
  readonly ranges: readonly TagRange[];
  readonly names: ReadonlySet<string>;

  constructor(reserved: readonly Reserved[]) {
    const ranges: TagRange[] = [];
    const names = new Set<string>();
    for (const entry of reserved) {
      if (typeof entry === "string") names.add(entry);
      else ranges.push(typeof entry === "number" ? [entry, entry] : entry);
    }
    this.ranges = ranges.sort(([a], [b]) => a - b);
    this.names = names;
  }

  hasTag(tag: number): boolean {
    let from = 0;
    let to = this.ranges.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const [first, last] = this.ranges[middle] as TagRange;
      if (tag < first) to = middle;
      else if (tag > last) from = middle + 1;
      else return true;
    }
    return false;
  }

  /** Those of the tags that are not among `others`, which come in order. */
  without(others: readonly TagRange[]): TagRange[] {
    const left: TagRange[] = [];
    let next = 0;
    for (const [first, last] of this.ranges) {
      let from = first;
      for (; next < others.length; next++) {
        const [otherFirst, otherLast] = others[next] as TagRange;
        if (otherFirst > last) break;
        if (otherFirst > from) left.push([from, otherFirst - 1]);
        from = Math.max(from, otherLast + 1);
        // It may reach into what is reserved behind this.
        if (otherLast > last) break;
      }
      if (from <= last) left.push([from, last]);
    }
    return left;
  }
}

/** As in `.proto` files: `5`, `7 to 9`, `1000 to max`. @internal */
export function tagRangeText([first, last]: TagRange): string {
  if (first === last) return String(first);
  return `${first} to ${last === largestTag ? "max" : last}`;
}
