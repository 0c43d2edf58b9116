import { type Clock, streamErrors } from "@king-runtime/core";
import type { IncomingResponse } from "../incoming-response.ts";

/** Bodies up to this are let come in, so that their connection can be used again. */
const maxDiscardBytes = 65_536;
/** How long that may take. */
const discardMs = 1_000;

/**
 * Nobody reads the body of `response`. A small one comes in on its own, without anybody waiting for it, and its
 * connection serves again; a larger or slower one is given up, and over HTTP/1.1 its connection with it.
 */
export function discardResponse(response: IncomingResponse, clock: Clock): void {
  const giveUp = () =>
    response.cancel(
      streamErrors.create("KING_STREAM_CLOSED", "the response was not wanted any more", {}),
    );
  const announced = Number(response.headers.get("content-length") ?? 0);
  if (response.isOver || announced > maxDiscardBytes) giveUp();
  else void readUp(response, giveUp, clock);
}

async function readUp(response: IncomingResponse, giveUp: () => void, clock: Clock): Promise<void> {
  const timer = clock.after(discardMs, giveUp, { keepAlive: false });
  try {
    // As it came: to undo a coding would be work for nothing.
    for await (const _ of response.stream()) {
      if (response.bytesReceived > maxDiscardBytes) giveUp();
    }
  } catch {
    // It has ended, which is all that is wanted of it.
  } finally {
    timer.cancel();
  }
}
