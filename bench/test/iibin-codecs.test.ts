import { expect, test } from "vitest";
import { closures, copies, ours, peers } from "../src/iibin/codecs.ts";
import { type ContentName, contents } from "../src/iibin/messages.ts";
import { checkRoundTrip } from "../src/iibin/round-trip.ts";

const names = Object.keys(contents) as ContentName[];
const codecs = [ours, closures, copies, ...Object.values(peers)];

test.each(names.flatMap((name) => codecs.map((codec) => [codec.name, name, codec] as const)))(
  "%s decodes what it encoded: %s",
  async (_, name, { open }) => {
    checkRoundTrip(await open(name), name);
  },
);

test.each(names)("the three codecs of the protobuf wire write the same bytes: %s", async (name) => {
  const { protobufBytes, jsonBytes } = contents[name];
  const write = async ({ open }: (typeof codecs)[number]) => {
    const codec = await open(name);
    return codec.values.map((value) =>
      Buffer.from(codec.encode(value) as Uint8Array).toString("hex"),
    );
  };
  const written = await write(ours);
  expect(await write(peers.protobufjs)).toEqual(written);
  expect(await write(peers.bufbuild)).toEqual(written);
  expect(new Set(written.map((hex) => hex.length / 2))).toEqual(new Set([protobufBytes]));
  const json = await peers.json.open(name);
  expect(Buffer.byteLength(json.encode(json.values[0]) as string)).toBe(jsonBytes);
});
