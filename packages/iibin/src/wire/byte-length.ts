const prototype = /* @__PURE__ */ Object.getPrototypeOf(Uint8Array.prototype);
const getterOf = (name: string | symbol) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as (this: unknown) => unknown;
const kindOf = /* @__PURE__ */ getterOf(Symbol.toStringTag);
const lengthOf = /* @__PURE__ */ getterOf("length");

const find = /* @__PURE__ */ (() => Uint8Array.prototype.indexOf)();

/**
 * How many bytes a `Uint8Array` has, or -1 for what is none, or none any more. What the value says of
 * itself does not count: more than there is would be written from memory of others.
 */
export function byteLength(value: unknown): number {
  if (kindOf.call(value) !== "Uint8Array") return -1;
  const length = lengthOf.call(value) as number;
  return length === 0 && isGone(value as Uint8Array) ? -1 : length;
}

/** Whether an empty array had memory that was transferred elsewhere, or is not that large any more. */
export function isGone(array: ArrayBufferView): boolean {
  try {
    find.call(array as Uint8Array, 0);
    return false;
  } catch {
    return true;
  }
}
