import type { Codec } from "./codec.ts";
import { type ContentName, contents } from "./messages.ts";

/** @throws Error when what the codec decodes is not what it encoded. */
export function checkRoundTrip(codec: Codec, content: ContentName): void {
  for (const [index, expected] of contents[content].values().entries()) {
    const encoded = codec.encode(codec.values[index]) as never;
    if (plainForm(codec.toPlain(codec.decode(encoded))) !== plainForm(expected))
      throw new Error(`value ${index} of ${content} did not come back`);
  }
}

/** The same text for the same data, of whichever classes and in whichever order of keys. */
function plainForm(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, each) {
    // Buffers have become something else by then.
    const given = this[key];
    if (given instanceof Uint8Array) return Buffer.from(given).toString("hex");
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort());
  });
}
