/** What Node's buffers can do beyond `Uint8Array`. */
interface NodeBuffer {
  allocUnsafeSlow(size: number): Uint8Array;
  byteLength(text: string): number;
  readonly prototype: { utf8Slice?(start: number, end: number): string };
}

/** Node's `Buffer`; browsers have none. */
export const nodeBuffer = /* @__PURE__ */ (() => (globalThis as { Buffer?: NodeBuffer }).Buffer)();
