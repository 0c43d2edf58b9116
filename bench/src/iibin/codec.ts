import type { ContentName } from "./messages.ts";

/** A codec as it is measured: ready for the messages of one schema. */
export interface Codec {
  /** The values as the codec takes them, made beforehand. */
  readonly values: readonly unknown[];
  /** Bytes, or text. */
  encode(value: unknown): { readonly length: number };
  decode(encoded: never): unknown;
  /** What was decoded, in the form of `messages.ts`. */
  toPlain(decoded: unknown): unknown;
}

/** A codec and how it is loaded, once it is needed. */
export interface NamedCodec {
  readonly name: string;
  open(content: ContentName): Promise<Codec>;
}

/** For codecs whose messages are plain data as they come. */
export function asIs(decoded: unknown): unknown {
  return decoded;
}
