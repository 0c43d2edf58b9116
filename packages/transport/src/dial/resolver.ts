import { lookup } from "node:dns";

/** Finds the addresses of a name. */
export interface Resolver {
  /**
   * The addresses of one family, best first; none when it has none of that family.
   *
   * @param signal the answer is no longer of interest.
   */
  resolve(host: string, family: 4 | 6, signal: AbortSignal): Promise<readonly string[]>;
}

/** Look-ups of the system under way, by family and name. */
const underWay = new Map<string, Promise<readonly string[]>>();

/**
 * Asks the system, as its other programs do: hosts file, DNS and whatever else it is set up with. The system
 * cannot be told that an answer is no longer of interest; a look-up that hangs keeps one of libuv's threads, of which
 * there are four. So that many connections to one host do not wait for each other, those who ask for the same at a
 * time share one look-up.
 */
export const systemResolver: Resolver = Object.freeze({
  resolve(host: string, family: 4 | 6) {
    const key = `${family} ${host}`;
    const known = underWay.get(key);
    if (known !== undefined) return known;
    const found = new Promise<readonly string[]>((resolve, reject) => {
      lookup(host, { family, all: true, order: "verbatim" }, (error, all) => {
        if (error) reject(error);
        else resolve(all.map(({ address }) => address));
      });
    });
    const forget = () => underWay.delete(key);
    underWay.set(key, found);
    found.then(forget, forget);
    return found;
  },
});
