import type { Codec } from "./codec.ts";
import { type ContentName, contents } from "./messages.ts";

/** Text, as both sides of JSON have it: no bytes are made or read. Bytes in it are base64 beforehand. */
export function openJson(content: ContentName): Codec {
  return {
    values: contents[content]
      .values()
      .map((value) =>
        "avatar" in value
          ? { ...value, avatar: Buffer.from(value.avatar as Uint8Array).toString("base64") }
          : value,
      ),
    encode: (value) => JSON.stringify(value),
    decode: (text) => JSON.parse(text),
    toPlain: (decoded) => {
      const { avatar, ...rest } = decoded as { avatar?: string };
      return avatar === undefined ? rest : { ...rest, avatar: Buffer.from(avatar, "base64") };
    },
  };
}
