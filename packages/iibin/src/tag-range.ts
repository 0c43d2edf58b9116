/** The largest number that a field can have on the wire; the smallest is 1. */
export const largestTag = 536_870_911;

/** Whether protobuf keeps a number for itself: proto3 and profile `protobuf` refuse it. */
export function isReservedTag(tag: number): boolean {
  return tag >= 19_000 && tag <= 19_999;
}
