/** What a call to quiche failed with: it tells by the text of its error alone. */
export interface NativeError {
  readonly name: string;
  /** The code in `StreamReset(7)` and `StreamStopped(7)`, the stream in others. */
  readonly value: number;
}

/** Reads quiche's error; rethrows what is none. */
export function nativeError(error: unknown): NativeError {
  const match = error instanceof Error ? /^(\w+)(?:\((\d+)\))?$/.exec(error.message) : null;
  if (match === null) throw error;
  return { name: match[1] as string, value: Number(match[2] ?? 0) };
}
