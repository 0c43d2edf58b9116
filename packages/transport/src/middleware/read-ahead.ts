import { bytesOf } from "../fetch/body-chunk.ts";
import { turn } from "../turn.ts";

/** A body of which the beginning was looked at. */
export interface ReadAhead {
  /** All of it. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Its size, where it ended while it was looked at. */
  readonly wholeBytes: number | undefined;
}

/**
 * Reads a body until it is `bytes` long, ends, or takes longer than a turn of the event loop: a body
 * that comes bit by bit is not held back, nor is one that may never begin.
 */
export async function readAhead(
  source: ReadableStream<Uint8Array>,
  bytes: number,
): Promise<ReadAhead> {
  const reader = source.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let pending: ReturnType<typeof reader.read> | undefined;
  let ended = false;
  while (length < bytes) {
    pending = reader.read();
    const next = await Promise.race([pending, turn()]);
    if (next === undefined) break;
    pending = undefined;
    if (next.done) {
      ended = true;
      break;
    }
    chunks.push(bytesOf(next.value));
    length += next.value.length;
  }
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = chunks.shift();
        if (chunk !== undefined) return controller.enqueue(chunk);
        if (ended) return controller.close();
        const { done, value } = await (pending ?? reader.read());
        pending = undefined;
        if (done) controller.close();
        else controller.enqueue(bytesOf(value));
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { stream, wholeBytes: ended ? length : undefined };
}
