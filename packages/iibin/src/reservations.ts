import type { Reserved } from "./reserved.ts";
import { largestTag } from "./tag-range.ts";

/** Tags, both ends included. */
export type TagRange = readonly [first: number, last: number];

/** What is reserved, to be looked up. */
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

/** As in `.proto` files: `5`, `7 to 9`, `1000 to max`. */
export function tagRangeText([first, last]: TagRange): string {
  if (first === last) return String(first);
  return `${first} to ${last === largestTag ? "max" : last}`;
}
