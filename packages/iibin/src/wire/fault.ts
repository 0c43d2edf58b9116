import { describeValue } from "../describe-value.ts";
import { iibinErrors } from "../errors.ts";

/** What went wrong, until the call that began it makes an error of it. @internal */
export class Fault {
  /** Keys and indices from the message at fault up to the root. */
  readonly path: string[] = [];
  readonly kind: "value" | "wire" | "limit";
  readonly message: string;
  offset: number;
  readonly limit: string;
  readonly max: number;
  /** The message type at fault, once it is known. */
  schema = "";
  field: string | undefined;

  constructor(
    kind: Fault["kind"],
    message: string,
    { offset = -1, limit = "", max = 0 }: { offset?: number; limit?: string; max?: number } = {},
  ) {
    this.kind = kind;
    this.message = message;
    this.offset = offset;
    this.limit = limit;
    this.max = max;
  }
}

/** Adds where `error` happened, on its way up; what is no fault passes untouched. */
export function at(error: unknown, schema: string, field: string, index?: unknown): unknown {
  if (!(error instanceof Fault)) return error;
  if (error.schema === "") {
    error.schema = schema;
    error.field = field;
  }
  if (index !== undefined) error.path.push(place(index));
  error.path.push(field);
  return error;
}

/** Index of an item, or key of an entry; keys that are text may be somebody's secret. */
export function place(index: unknown): string {
  return typeof index === "string" ? "[*]" : `[${String(index)}]`;
}

/** A value that does not fit its field. */
export function bad(schema: string, field: string, expected: string, value: unknown): Fault {
  const fault = new Fault("value", `expected ${expected}, got ${describeValue(value)}`);
  return at(fault, schema, field) as Fault;
}

/** Bytes that are no message. */
export function malformed(message: string, offset: number): Fault {
  return new Fault("wire", message, { offset });
}

/** Bytes that end before what was announced. */
export function truncated(offset: number): Fault {
  return malformed("the message is cut short", offset);
}

/** Something larger or deeper than allowed. */
export function overLimit(limit: string, max: number, offset = -1): Fault {
  return new Fault("limit", `more than ${limit} (${max}) allows`, { limit, max, offset });
}

/** The fault in an error of ours or of the engine's, which has less stack than limits ask for. */
export function faultIn(error: unknown, maxDepth: number): Fault | undefined {
  if (error instanceof Fault) return error;
  const isStack = error instanceof RangeError && /call stack/i.test(error.message);
  return isStack
    ? new Fault("limit", `more levels than the stack has room for`, {
        limit: "maxDepth",
        max: maxDepth,
      })
    : undefined;
}

/** The error a caller gets; `schema` is the root's name. */
export function errorOf(fault: Fault, root: string): Error {
  const path = pathOf(fault.path);
  const schema = fault.schema || root;
  const where = path === "" || path.startsWith("[") ? `${root}${path}` : `${root}.${path}`;
  const { offset, field } = fault;
  if (fault.kind === "limit") {
    const message = `${where}: ${fault.message}${offset < 0 ? "" : ` at byte ${offset}`}`;
    const { limit, max } = fault;
    return iibinErrors.create("KING_IIBIN_LIMIT", message, {
      schema,
      limit,
      max,
      path,
      ...(offset >= 0 && { offset }),
    });
  }
  if (fault.kind === "wire") {
    const message = `${where}: ${fault.message} at byte ${offset}`;
    return iibinErrors.create("KING_IIBIN_WIRE_INVALID", message, { schema, offset, path });
  }
  return iibinErrors.create("KING_IIBIN_VALUE_INVALID", `${where}: ${fault.message}`, {
    schema,
    ...(field !== undefined && { field }),
    path,
  });
}

/** `rows[17].at` from segments that run from the innermost outwards. */
function pathOf(segments: readonly string[]): string {
  let path = "";
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i] as string;
    path += path === "" || segment.startsWith("[") ? segment : `.${segment}`;
  }
  return path;
}
