/** The values of all `promises`; waits for every one of them also when one has failed. */
export async function settleAll<T>(promises: Iterable<Promise<T>>): Promise<T[]> {
  const values: T[] = [];
  const settled = await Promise.allSettled(promises);
  for (const one of settled) {
    if (one.status === "rejected") throw one.reason;
    values.push(one.value);
  }
  return values;
}
