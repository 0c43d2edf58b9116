import { printValue } from "../print-value.ts";
import type { SchemaName } from "./definitions.ts";
import { badBytes, badTextsOfPrograms, messages } from "./messages.ts";

/** A codec of any schema. */
export interface AnyCodec {
  encode(message: object): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** What codecs made of the messages and of what is none: plain text, to be compared. */
export interface Exercise {
  /** For each message its bytes in hexadecimal, and what decoding makes of them. */
  readonly roundTrips: readonly (readonly [bytes: string, decoded: string])[];
  /** For each bad input the error. */
  readonly refusals: readonly string[];
}

/** Encodes and decodes every message; runs in Node and on pages. */
export function exercise(codecs: Readonly<Record<SchemaName, AnyCodec>>): Exercise {
  const roundTrips = Object.entries(codecs).flatMap(([name, codec]) =>
    messages[name as SchemaName].map((message): [string, string] => {
      const bytes = codec.encode(message);
      return [printValue(bytes), printValue(codec.decode(bytes))];
    }),
  );
  const { Small } = codecs;
  return {
    roundTrips,
    refusals: [
      ...badBytes.map((bytes) => refusal(() => Small.decode(bytes))),
      ...badTextsOfPrograms.map((name) => refusal(() => Small.encode({ name }))),
    ],
  };
}

function refusal(run: () => unknown): string {
  try {
    return `accepted: ${printValue(run())}`;
  } catch (error) {
    return error instanceof Error && "code" in error
      ? `${error.code} ${error.message}`
      : String(error);
  }
}
