import { isNativeAccelerationEnabled, Packr } from "msgpackr";
import { asIs, type Codec } from "./codec.ts";
import { type ContentName, contents } from "./messages.ts";

/** Records with shared structures, which its documentation calls the fastest way, and its addon. */
export function openMsgpackr(content: ContentName): Codec {
  if (!isNativeAccelerationEnabled) throw new Error("the addon of msgpackr is missing");
  const packr = new Packr({ structures: [] });
  return {
    values: contents[content].values(),
    encode: (value) => packr.pack(value),
    decode: (bytes) => packr.unpack(bytes),
    toPlain: asIs,
  };
}
