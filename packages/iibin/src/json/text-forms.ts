import { formatDuration, parseDuration } from "./duration-text.ts";
import { formatFieldMask, parseFieldMask } from "./field-mask-text.ts";
import type { JsonReader } from "./json-reader.ts";
import type { JsonValue } from "./json-value.ts";
import type { JsonWriter } from "./json-writer.ts";
import type { SpecialForm } from "./special-form.ts";
import { formatTimestamp, parseTimestamp, type SecondsAndNanos } from "./timestamp-text.ts";

const expectedTimestamp = "a moment of the years 1 to 9999 in RFC 3339";
const expectedDuration = 'seconds such as "1.5s", of one sign, within 315576000000';
const expectedFieldMask = "paths in lower camel case, with commas between";

/** `google.protobuf.Timestamp`: `"2024-02-29T12:00:00.250Z"`. */
export const timestampForm: SpecialForm = {
  keys: ["seconds", "nanos"],
  write: (_, message, to) => writeSeconds(message, to, formatTimestamp, expectedTimestamp),
  read: (_, json, from) => readSeconds(json, from, parseTimestamp, expectedTimestamp),
};

/** `google.protobuf.Duration`: `"-1.500s"`. */
export const durationForm: SpecialForm = {
  keys: ["seconds", "nanos"],
  write: (_, message, to) => writeSeconds(message, to, formatDuration, expectedDuration),
  read: (_, json, from) => readSeconds(json, from, parseDuration, expectedDuration),
};

/** `google.protobuf.FieldMask`: `"user.displayName,photo"`. */
export const fieldMaskForm: SpecialForm = {
  keys: ["paths"],
  write(schema, message, to) {
    const paths = to.field(schema, "paths", message) as string[];
    const text = formatFieldMask(paths);
    if (text === undefined) throw to.walk.refuse("expected paths that can be read back from JSON");
    return text;
  },
  read(_, json, from) {
    const text = from.scalar("string", json) as string;
    const paths = parseFieldMask(text);
    if (paths === undefined) throw from.walk.expected(expectedFieldMask, json);
    return { paths };
  },
};

function writeSeconds(
  message: Readonly<Record<string, unknown>>,
  to: JsonWriter,
  format: (value: SecondsAndNanos) => string | undefined,
  expected: string,
): JsonValue {
  const seconds = BigInt(to.scalar("int64", message["seconds"] ?? 0));
  const nanos = Number(to.scalar("int32", message["nanos"] ?? 0));
  const text = format({ seconds, nanos });
  if (text === undefined) throw to.walk.refuse(`expected ${expected}, got another`);
  return text;
}

function readSeconds(
  json: unknown,
  from: JsonReader,
  parse: (text: string) => SecondsAndNanos | undefined,
  expected: string,
): Record<string, unknown> {
  const value = typeof json === "string" ? parse(json) : undefined;
  if (value === undefined) throw from.walk.expected(expected, json);
  return { seconds: from.scalar("int64", String(value.seconds)), nanos: value.nanos };
}
