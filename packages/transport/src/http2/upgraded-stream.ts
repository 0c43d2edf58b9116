import { constants, type ServerHttp2Stream } from "node:http2";
import type { StreamCapability } from "@king-runtime/core";
import { NodeStream, type NodeStreamOptions } from "../node-stream.ts";
import type { InputWatch } from "./input-watch.ts";

const capabilities: ReadonlySet<StreamCapability> = new Set([
  "half-close",
  "reset-code",
  "receive-backpressure",
  "multiplexing",
]);

/** The stream of an accepted extended CONNECT (RFC 8441, section 5). */
export class UpgradedHttp2Stream extends NodeStream {
  readonly #stream: ServerHttp2Stream;
  readonly #input: InputWatch | undefined;

  constructor(
    stream: ServerHttp2Stream,
    input: InputWatch | undefined,
    options: NodeStreamOptions,
  ) {
    super(stream, options);
    this.#stream = stream;
    this.#input = input;
    // Otherwise node closes the whole stream once our direction has ended and nobody has read yet.
    stream.read(0);
  }

  override get capabilities(): ReadonlySet<StreamCapability> {
    return capabilities;
  }

  protected override cut(code: number = constants.NGHTTP2_CANCEL): void {
    this.#stream.close(code);
  }

  /** node destroys a stream of HTTP/2 by itself, once its end has gone out. */
  protected override release(): void {}

  protected override get inputBroken(): boolean {
    return !(this.#input === undefined || this.#input.ended) || this.resetCode !== undefined;
  }

  protected override get resetCode(): number | undefined {
    const { rstCode } = this.#stream;
    return rstCode === constants.NGHTTP2_NO_ERROR ? undefined : rstCode;
  }
}
