import { asIs, type Codec } from "./codec.ts";
import { type ContentName, contents } from "./messages.ts";

/** The static code that pbjs writes, with numbers for 64 bits, which is what it has without `long`. */
export async function openProtobufjs(content: ContentName): Promise<Codec> {
  const { default: protobufjs } = await import("protobufjs/minimal.js");
  // Something else in the folder of dependencies may have brought `long`.
  Object.assign(protobufjs.util, { Long: null });
  protobufjs.configure();
  const { Small, Medium, Large } = await import("./protobufjs-static.js");
  const { schema, values } = contents[content];
  const type = { Small, Medium, Large }[schema];
  return {
    values: values(),
    encode: (value) => type.encode(value as object).finish(),
    decode: (bytes) => type.decode(bytes),
    toPlain: asIs,
  };
}
