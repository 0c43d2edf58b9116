import { defineErrors, errorCode } from "@king-runtime/core";
import { FileSystemFailure } from "./guarded-file-system.ts";

/** What the object store throws, beside `KING_OPTION_INVALID` of core for an unacceptable option. */
export const objectstoreErrors = defineErrors({
  /**
   * A key is empty, too long, not well-formed Unicode, or has a control character or a segment that
   * is empty, `.` or `..`.
   * @remedy Use a key such as `folder/name.txt`; the message names the rule that was broken.
   */
  KING_OBJECTSTORE_KEY_INVALID: errorCode<{ rule: string }>("validation"),
  /**
   * The source of a put gave something other than a `Uint8Array`.
   * @remedy Encode text before storing it, for instance with `TextEncoder`.
   */
  KING_OBJECTSTORE_SOURCE_INVALID: errorCode<{ actual: string }>("validation"),
  /**
   * No byte of the object lies in the range asked for; HTTP answers 416.
   * @remedy Ask for a range that begins before `size`.
   */
  KING_OBJECTSTORE_RANGE_UNSATISFIABLE: errorCode<{ size: number }>("validation"),
  /**
   * The body of an opened object was read a second time.
   * @remedy Call `get` again for a second reading.
   */
  KING_OBJECTSTORE_BODY_USED: errorCode<{ key: string }>("state"),
  /**
   * The put would take the store over `maxBytes`; nothing was stored.
   * @remedy Delete objects or raise `maxBytes`; HTTP answers 507.
   */
  KING_OBJECTSTORE_QUOTA: errorCode<{
    maxBytes: number;
    /** Committed bytes and bytes of puts under way. */
    usedBytes: number;
    requestedBytes: number;
  }>("limit"),
  /**
   * The put is larger than `maxObjectBytes`; nothing was stored.
   * @remedy Store it in parts or raise `maxObjectBytes`; HTTP answers 413.
   */
  KING_OBJECTSTORE_OBJECT_LIMIT: errorCode<{ maxObjectBytes: number }>("limit"),
  /**
   * More puts or reads are under way than `maxOpenPuts` or `maxOpenReads` allows.
   * @remedy Repeat later; read or dispose every object that `get` opened.
   */
  KING_OBJECTSTORE_BUSY: errorCode<{ option: "maxOpenPuts" | "maxOpenReads"; limit: number }>(
    "limit",
    { retryable: true },
  ),
  /**
   * The file system has no room left (ENOSPC, EDQUOT); nothing was stored.
   * @remedy Free or add disk space; HTTP answers 507.
   */
  KING_OBJECTSTORE_NO_SPACE: errorCode<IoDetails>("limit"),
  /**
   * A call to the file system failed. `visible` says whether the change shows nevertheless: it is
   * true when the directory could not be synced, and then the change may be undone by a power cut.
   * @remedy Look at `cause`; after repairing the disk, repeat the put or delete.
   */
  KING_OBJECTSTORE_IO: errorCode<IoDetails>("unavailable"),
  /**
   * The file of an object does not match its checksums, its length or its key.
   * @remedy Restore the object from its source, or delete it.
   */
  KING_OBJECTSTORE_CORRUPT: errorCode<{ key: string; what: string }>("integrity"),
  /**
   * Another store, in this process or another, has the root open.
   * @remedy Close that store first; one root belongs to one store at a time.
   */
  KING_OBJECTSTORE_LOCKED: errorCode<{ root: string }>("conflict", { retryable: true }),
  /**
   * The store is closed or closing and takes no more work, or was closed while the work was under way.
   * @remedy Open the store again.
   */
  KING_OBJECTSTORE_CLOSED: errorCode("state"),
});

/** What is known of a failed call to the file system. */
export type IoDetails = {
  /** The operating system's name of the call, such as `"fdatasync"`. */
  readonly syscall: string;
  /** The operating system's name of the error, such as `"EIO"`. */
  readonly errno: string;
  /** Whether the put or delete shows although its durability is not assured. */
  readonly visible: boolean;
};

/** The error for the caller of a failed call to the file system; anything else is returned as it is. */
export function ioError(error: unknown, options: { visible?: boolean } = {}): unknown {
  if (!(error instanceof FileSystemFailure)) return error;
  const { errno, syscall, cause } = error;
  const details = { syscall, errno, visible: options.visible ?? false };
  return errno === "ENOSPC" || errno === "EDQUOT"
    ? objectstoreErrors.create(
        "KING_OBJECTSTORE_NO_SPACE",
        `expected room on the file system, got ${errno} from ${syscall}`,
        details,
        { cause },
      )
    : objectstoreErrors.create(
        "KING_OBJECTSTORE_IO",
        `expected ${syscall} to succeed, got ${errno}`,
        details,
        { cause },
      );
}
