import type { QuicSession, Stream, StreamSession } from "@king-runtime/core";
import type { PreparedRequest } from "../client/prepared-request.ts";
import type { RequestHead } from "./message-fields.ts";

/** Whoever cannot have a request be a copy answers with it (RFC 8470, section 5.2). */
export const tooEarly = 425;

/** Methods whose requests change nothing, so that a copy of one does no harm (RFC 9110, section 9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** What goes before the handshake of a session is complete, as long as it is not. */
function pendingOf(session: StreamSession): QuicSession["earlyData"] {
  const { earlyData } = session as Pick<QuicSession, "earlyData">;
  return earlyData?.state === "pending" ? earlyData : undefined;
}

/** Resolves when a handshake that is still under way is complete; `undefined` when it is. */
export function pendingHandshake(session: StreamSession): Promise<void> | undefined {
  return pendingOf(session)?.handshake;
}

/** Whether a client may send `request` before the handshake is complete. */
export function maySendEarly(request: PreparedRequest): boolean {
  const { method, body, isOpen, trailers, expectContinue, connectProtocol } = request;
  const isBodyless = body === undefined && !isOpen && trailers === undefined && !expectContinue;
  return isBodyless && connectProtocol === undefined && safeMethods.has(method);
}

/**
 * What to make of a request on `stream`: of one that may be a copy the head says so by `early-data: 1`, as to an origin
 * behind a gateway (RFC 8470, section 5.1); one that may do harm waits for the handshake.
 */
export function admitEarly(
  session: StreamSession,
  stream: Stream,
  head: RequestHead,
): { readonly head: RequestHead } | { readonly handshake: Promise<void> } {
  const pending = pendingOf(session);
  if (pending?.includes(stream) !== true) return { head };
  if (!safeMethods.has(head.method)) return { handshake: pending.handshake };
  return { head: { ...head, fields: marked(head.fields) } };
}

const fieldName = "early-data";

/** The fields with ours in place of what the client said. */
function marked(fields: readonly string[]): readonly string[] {
  const others: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const [name, value] = [fields[at] as string, fields[at + 1] as string];
    if (name !== fieldName) others.push(name, value);
  }
  return [...others, fieldName, "1"];
}
