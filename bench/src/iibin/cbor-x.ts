import { Encoder, isNativeAccelerationEnabled } from "cbor-x";
import { asIs, type Codec } from "./codec.ts";
import { type ContentName, contents } from "./messages.ts";

/** Records with shared structures, and its addon. */
export function openCborX(content: ContentName): Codec {
  if (!isNativeAccelerationEnabled) throw new Error("the addon of cbor-x is missing");
  const encoder = new Encoder({ structures: [] });
  return {
    values: contents[content].values(),
    encode: (value) => encoder.encode(value),
    decode: (bytes) => encoder.decode(bytes),
    toPlain: asIs,
  };
}
