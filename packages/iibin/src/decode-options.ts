import type { AnySchema } from "./schema.ts";

// biome-ignore lint/suspicious/noExplicitAny: classes of whichever instances
export type MessageClass = new () => any;

/** What decoding makes of bytes. */
export interface DecodeOptions {
  /** Numbers of 64 bits: exact, or numbers that are refused beyond 2^53. @default "bigint" */
  readonly int64?: "bigint" | "number";
  /**
   * Fields of type `bytes`: memory of their own, or views that change with the bytes decoded and keep
   * them alive; of shared memory the views are shared too, which the types do not say. @default "copy"
   */
  readonly bytes?: "copy" | "view";
  /** Fields the schema lacks: kept under the symbol `unknownFields` and encoded again. @default "drop" */
  readonly unknownFields?: "drop" | "keep";
  /**
   * Class of the root message, or classes by schema; instances are made without arguments, then
   * fields are assigned in the order of their tags. Without it messages are plain objects.
   */
  readonly into?: MessageClass | ReadonlyMap<AnySchema, MessageClass>;
}
