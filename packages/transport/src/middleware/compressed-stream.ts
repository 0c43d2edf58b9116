import type { Transform } from "node:stream";
import { turn } from "../turn.ts";

/** A compressor of `node:zlib`. */
export interface FlushableTransform extends Transform {
  flush(callback?: () => void): void;
}

/**
 * What comes out of `engine` when `source` goes through it. No more is read of `source` than is asked
 * for, give or take the buffers of the engine; both end when nobody wants the rest, and when either
 * fails.
 */
export function compressedStream(
  source: ReadableStream<Uint8Array>,
  engine: FlushableTransform,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  const output = engine.iterator({ destroyOnReturn: false });
  let wake: (() => void) | undefined;
  let running = false;
  for (const event of ["drain", "close"]) engine.on(event, () => wake?.());

  const run = async () => {
    let pending = reader.read();
    let unflushed = false;
    for (;;) {
      const early = await Promise.race([pending, turn()]);
      // Nothing more for now: what went in is to come out.
      if (early === undefined && unflushed) engine.flush();
      const { done, value } = early ?? (await pending);
      if (engine.destroyed) return;
      if (done) {
        engine.end();
        return;
      }
      pending = reader.read();
      pending.catch(() => undefined); // looked at in its turn
      unflushed = true;
      if (!engine.write(value)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!running) {
          running = true;
          run().catch((error) => engine.destroy(error));
        }
        try {
          const { done, value } = await output.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          reader.cancel(error).catch(() => undefined); // the error that counts is thrown below
          throw error;
        }
      },
      async cancel(reason) {
        engine.on("error", () => undefined);
        engine.destroy();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
