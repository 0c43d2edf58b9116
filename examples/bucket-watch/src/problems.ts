import { type Exchange, type HeaderFields, KingError } from "@king-runtime/core";
import { respondProblem } from "@king-runtime/transport";
import { RequestFault } from "./request-fault.ts";

interface Answer {
  readonly status: number;
  readonly detail: string;
  readonly headers?: HeaderFields;
}

/** What a client is told of an error; `undefined` when it is not the client's business. */
function answerTo(error: unknown): Answer | undefined {
  if (error instanceof RequestFault) {
    return { status: error.status, detail: error.message, headers: error.headers };
  }
  if (!KingError.is(error)) return undefined;
  switch (error.code) {
    case "KING_OBJECTSTORE_KEY_INVALID":
    // A bucket that is too long for any key.
    case "KING_REALTIME_CHANNEL_INVALID":
      return { status: 400, detail: error.message };
    case "KING_OPTION_INVALID":
      // The options that are handed through as the client sent them.
      return ["cursor", "prefix"].includes(String(error.details["option"]))
        ? { status: 400, detail: error.message }
        : undefined;
    case "KING_OBJECTSTORE_OBJECT_LIMIT":
      return { status: 413, detail: error.message };
    case "KING_OBJECTSTORE_RANGE_UNSATISFIABLE":
      return {
        status: 416,
        detail: error.message,
        headers: { "content-range": `bytes */${error.details["size"]}` },
      };
    case "KING_OBJECTSTORE_BUSY":
    case "KING_OBJECTSTORE_CLOSED":
      return { status: 503, detail: "try again later", headers: { "retry-after": "1" } };
    case "KING_OBJECTSTORE_QUOTA":
      return { status: 507, detail: "the store's quota is used up" };
    case "KING_OBJECTSTORE_NO_SPACE":
      return { status: 507, detail: "the disk is full" };
    default:
      return undefined;
  }
}

/**
 * Answers an error with a problem document.
 *
 * @throws the error itself when it is none of the client's making, or comes after the response head:
 * the listener then answers, or cuts.
 */
export function respondError(exchange: Exchange, error: unknown): void {
  const answer = exchange.responded ? undefined : answerTo(error);
  if (answer === undefined) throw error;
  const { status, detail, headers } = answer;
  respondProblem(
    exchange,
    { status, detail, ...(KingError.is(error) && { extensions: { code: error.code } }) },
    { "cache-control": "no-store", ...headers },
  );
}
