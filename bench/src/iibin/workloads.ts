import type { OperationWorkload } from "../harness/plane.ts";
import type { NamedCodec } from "./codec.ts";
import { type ContentName, contents } from "./messages.ts";
import { checkRoundTrip } from "./round-trip.ts";

/** How many messages make one operation. */
export function messagesOfOperation(content: ContentName): number {
  return contents[content].schema === "Large" ? 1 : 1_000;
}

/** Encodes value after value; the results are read. */
export function encodeWorkload(
  { open }: NamedCodec,
  content: ContentName,
  nanoseconds: number,
): OperationWorkload {
  return workload(content, nanoseconds, async () => {
    const codec = await open(content);
    checkRoundTrip(codec, content);
    const { values } = codec;
    return (messages) => {
      let length = 0;
      for (let done = 0, at = 0; done < messages; done++) {
        length += codec.encode(values[at]).length;
        if (++at === values.length) at = 0;
      }
      if (length < messages) throw new Error("nothing was encoded");
    };
  });
}

/** Decodes message after message; the last ones are held, so that each has to be made. */
export function decodeWorkload(
  { open }: NamedCodec,
  content: ContentName,
  nanoseconds: number,
): OperationWorkload {
  return workload(content, nanoseconds, async () => {
    const codec = await open(content);
    checkRoundTrip(codec, content);
    const encoded = codec.values.map((value) => codec.encode(value)) as never[];
    const held: unknown[] = [...encoded];
    return (messages) => {
      for (let done = 0, at = 0; done < messages; done++) {
        held[at] = codec.decode(encoded[at] as never);
        if (++at === encoded.length) at = 0;
      }
      if (held.includes(undefined)) throw new Error("nothing was decoded");
    };
  });
}

/** Windows of about 130 ms, for a codec that takes so many nanoseconds for one message. */
function workload(
  content: ContentName,
  nanoseconds: number,
  open: () => Promise<(messages: number) => void>,
): OperationWorkload {
  const messages = messagesOfOperation(content);
  const operations = Math.ceil(130_000_000 / nanoseconds / messages);
  return {
    kind: "operation",
    operations,
    // Large functions take their time until they are compiled for good.
    warmUpOperations: operations * 2,
    open: async () => {
      const run = await open();
      return { run: async (count) => run(count * messages), close: async () => {} };
    },
  };
}
