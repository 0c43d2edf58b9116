import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Memory that something still holds, in bytes. */
export interface MemoryInUse {
  readonly objects: number;
  /** Of array buffers, which lie beside the objects. */
  readonly buffers: number;
  readonly total: number;
}

/** Has V8 collect everything that nothing holds. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  // What one collection finds of buffers is given back beside the program; the next waits for that.
  collect();
  collect();
}

/** Collects what nothing holds, also what finalizers let go of, and tells what is left. */
export async function memoryInUse(): Promise<MemoryInUse> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise(setImmediate);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { objects: heapUsed, buffers: arrayBuffers, total: heapUsed + arrayBuffers };
}
