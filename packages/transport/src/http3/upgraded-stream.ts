import type { StreamCapability } from "@king-runtime/core";
import { NodeStream, type NodeStreamOptions } from "../node-stream.ts";
import { http3Codes } from "./codes.ts";
import type { Http3Stream } from "./http3-stream.ts";

const notOfBytes: ReadonlySet<StreamCapability> = new Set(["trailers", "informational"]);

/** The stream of an accepted extended CONNECT (RFC 9220). */
export class UpgradedHttp3Stream extends NodeStream {
  readonly #stream: Http3Stream;
  readonly #capabilities: ReadonlySet<StreamCapability>;

  constructor(
    stream: Http3Stream,
    capabilities: ReadonlySet<StreamCapability>,
    options: NodeStreamOptions,
  ) {
    super(stream, options);
    this.#stream = stream;
    stream.onOverrun = (error) => this.abort(error);
    this.#capabilities = new Set([...capabilities].filter((each) => !notOfBytes.has(each)));
  }

  override get capabilities(): ReadonlySet<StreamCapability> {
    return this.#capabilities;
  }

  /** Its number on the wire (RFC 9000, section 2.1), where its session tells. */
  get streamId(): number | undefined {
    return this.#stream.streamId;
  }

  protected override cut(code: number = http3Codes.requestCancelled): void {
    this.#stream.reset(code);
  }

  /** It is over with the QUIC stream below. */
  protected override release(): void {}

  override stopReading(): void {
    this.#stream.stopInput();
    super.stopReading();
  }

  protected override get inputBroken(): boolean {
    return !this.#stream.isInputWhole;
  }

  protected override get resetCode(): number | undefined {
    return this.#stream.resetCode;
  }
}
