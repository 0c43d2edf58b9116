import type { SentMessage } from "./arbitrary-message.ts";

/** Another implementation of protobuf, for the root of one plan. */
export interface Peer {
  encode(sent: SentMessage): Uint8Array;
  /** In our form: what absent fields read as included. */
  decode(bytes: Uint8Array): object;
}
