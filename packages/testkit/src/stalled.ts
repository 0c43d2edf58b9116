import { eventually } from "./eventually.ts";

/**
 * Waits until `count` has stopped growing: a fact of the system's buffers that no event tells.
 *
 * @returns where it stopped.
 */
export async function stalled(count: () => number): Promise<number> {
  let last = -1;
  let same = 0;
  await eventually("a count that stops growing", () => {
    const now = count();
    same = now === last ? same + 1 : 0;
    last = now;
    return same >= 20;
  });
  return last;
}
