/** A message: a string goes out as text, bytes as binary. */
export type Message = string | Uint8Array;
