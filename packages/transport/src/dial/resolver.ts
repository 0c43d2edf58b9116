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

/**
 * Asks the system, as its other programs do: hosts file, DNS and whatever else it is set up with. The system
 * cannot be told that an answer is no longer of interest; a look-up that hangs keeps one of libuv's threads.
 */
export const systemResolver: Resolver = Object.freeze({
  resolve(host: string, family: 4 | 6) {
    return new Promise<readonly string[]>((resolve, reject) => {
      lookup(host, { family, all: true, order: "verbatim" }, (error, found) => {
        if (error) reject(error);
        else resolve(found.map(({ address }) => address));
      });
    });
  },
});
