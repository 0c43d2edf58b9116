const prototype = /* @__PURE__ */ Object.getPrototypeOf(Uint8Array.prototype);
const getterOf = (name: string | symbol) =>
  Object.getOwnPropertyDescriptor(prototype, name)?.get as (this: unknown) => unknown;
const kindOf = /* @__PURE__ */ getterOf(Symbol.toStringTag);
const lengthOf = /* @__PURE__ */ getterOf("length");

/**
 * How many bytes a `Uint8Array` has, or -1 for what is none, or none any more. What the value says of
 * itself does not count: more than there is would be written from memory of others.
 */
export function byteLength(value: unknown): number {
  if (kindOf.call(value) !== "Uint8Array") return -1;
  const length = lengthOf.call(value) as number;
  return length === 0 && isDetached(value as Uint8Array) ? -1 : length;
}

/** Whether the memory of an empty array was transferred elsewhere. */
export function isDetached(bytes: Uint8Array): boolean {
  return (bytes.buffer as { detached?: boolean }).detached === true;
}
