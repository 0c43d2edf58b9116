import { defineErrors, errorCode } from "@king-runtime/core/errors";

/** What the codec throws. */
export const iibinErrors = defineErrors({
  /**
   * A schema or an enum cannot be defined as written.
   * @remedy Correct the definition; the message names schema, field and rule.
   */
  KING_IIBIN_SCHEMA_INVALID: errorCode<{ schema: string; field?: string }>("validation"),
  /**
   * A registry has another definition of that name already, or lacks the one asked for.
   * @remedy Use a name of its own for each definition, and define what others refer to.
   */
  KING_IIBIN_REGISTRY: errorCode<{ name: string }>("validation"),
  /**
   * A value to be encoded does not fit its schema.
   * @remedy Correct the value; the message names schema, field, what was expected and what came.
   */
  KING_IIBIN_VALUE_INVALID: errorCode<{
    schema: string;
    field?: string;
    /** From the root of the message: `rows[17].at`. */
    path: string;
  }>("validation"),
  /**
   * Bytes to be decoded are no message of the schema; nothing of them is returned.
   * @remedy Ask the sender; the message names offset, field path and rule.
   */
  KING_IIBIN_WIRE_INVALID: errorCode<{
    schema: string;
    /** Bytes before the fault, from the start of the message. */
    offset: number;
    /** From the root of the message: `rows[17].at`; empty when no known field holds the fault. */
    path: string;
  }>("validation"),
  /**
   * A message, or something in it, is larger or deeper than a limit allows.
   * @remedy Send less, or raise the limit the message names.
   */
  KING_IIBIN_LIMIT: errorCode<{
    schema: string;
    limit: string;
    max: number;
    /** From the root of the message: `rows[17].at`. */
    path: string;
    /** Bytes before the fault, when decoding. */
    offset?: number;
  }>("limit"),
  /**
   * One record of a batch failed, so nothing of the batch is returned; the `cause` says why.
   * @remedy Correct or leave out the record at `index`.
   */
  KING_IIBIN_BATCH: errorCode<{ schema: string; index: number }>("validation"),
  /**
   * An option does not exist or has a value it cannot have, or the destination is no `Uint8Array` with
   * enough room.
   * @remedy Pass what the message expects.
   */
  KING_IIBIN_OPTION_INVALID: errorCode<{ option: string }>("validation"),
  /**
   * Text is no proto3 that can be imported.
   * @remedy Correct the file at `line`; the README lists what is not supported.
   */
  KING_IIBIN_PROTO_INVALID: errorCode<{ file: string; line: number; column: number }>("validation"),
  /**
   * A schema cannot be written as proto3.
   * @remedy Use names that are identifiers, and what proto3 knows.
   */
  KING_IIBIN_PROTO_UNSUPPORTED: errorCode<{ schema: string; field?: string }>("unsupported"),
  /**
   * JSON is no message of the schema, or a message has no JSON form.
   * @remedy Correct the value at `path`.
   */
  KING_IIBIN_JSON_INVALID: errorCode<{
    schema: string;
    /** From the root of the message: `rows[17].at`. */
    path: string;
  }>("validation"),
});
