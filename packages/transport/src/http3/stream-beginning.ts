import { readVarint, varintBytes } from "./varint.ts";

const nothing = new Uint8Array(0);

/** The integers that a stream begins with, however they are cut; the rest stays with the stream. */
export class StreamBeginning {
  readonly input: AsyncIterator<Uint8Array, undefined>;
  /** What was read and is not taken yet. */
  rest: Uint8Array = nothing;

  constructor(input: AsyncIterator<Uint8Array, undefined>) {
    this.input = input;
  }

  /** The next integer, which stays in {@link rest}, and how many bytes it has; `undefined` where the stream ends before. */
  async peek(): Promise<{ readonly value: number; readonly length: number } | undefined> {
    for (;;) {
      const length = this.rest.length === 0 ? 1 : varintBytes(this.rest[0] as number);
      if (this.rest.length >= length) return { value: readVarint(this.rest, 0), length };
      const { value: chunk } = await this.input.next();
      if (chunk === undefined) return undefined;
      this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    }
  }

  /** Takes the next integer; `undefined` where the stream ends before. */
  async take(): Promise<number | undefined> {
    const found = await this.peek();
    if (found === undefined) return undefined;
    this.rest = this.rest.subarray(found.length);
    return found.value;
  }
}
