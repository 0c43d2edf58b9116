import {
  decode,
  defineSchema,
  encode,
  type FieldDefinitions,
  iibinErrors,
  type Profile,
} from "../src/index.ts";

/** For each row of the README's table of profiles what a schema of a profile makes of it. */
export const profileBehaviours: Readonly<Record<string, (profile: Profile) => unknown>> = {
  "absent scalar": (profile) => read(profile, { a: { tag: 1, type: "int32" } }, ""),
  "absent list or map": (profile) =>
    read(profile, { a: { tag: 1, type: "string", repeated: true } }, ""),
  "zero of a field without optional, required, default, oneof": (profile) =>
    write(profile, { a: { tag: 1, type: "int32" } }, { a: 0 }),
  "lists of numbers": (profile) =>
    [{}, { packed: profile === "king" }].map((packing) =>
      write(profile, { a: { tag: 1, type: "int32", repeated: true, ...packing } }, { a: [1] }),
    ),
  "wire type that is not the field's": (profile) =>
    read(profile, { a: { tag: 1, type: "int32" } }, "0d01000000"),
  groups: (profile) => read(profile, {}, "0b0c"),
  "the same message field again": (profile) => {
    const fields = { x: { tag: 1, type: "int32" }, y: { tag: 2, type: "int32" } } as const;
    const inner = defineSchema("Inner", fields, { profile });
    return read(profile, { a: { tag: 1, type: inner } }, "0a0208010a021002");
  },
  "integers beyond 32 bits in a field of 32": (profile) =>
    read(profile, { a: { tag: 1, type: "int32" } }, "088180808010"),
  "integers from 2^63 in uint64 and fixed64": (profile) => [
    read(profile, { a: { tag: 1, type: "uint64" } }, "0880808080808080808001"),
    write(profile, { a: { tag: 1, type: "fixed64" } }, { a: 2n ** 63n }),
  ],
  "field number 0": (profile) => [read(profile, {}, "020161"), read(profile, {}, "0001")],
  "tags 19,000 to 19,999": (profile) =>
    write(profile, { a: { tag: 19_000, type: "bool" } }, { a: true }),
  "levels of messages": (profile) => {
    const nest = (levels: number) => {
      let message: object = {};
      for (let i = 0; i < levels; i++) message = { a: message };
      return attempt(
        () => encode(define(profile, { a: { tag: 1, type: "Root" } }), message).length > 0,
      );
    };
    return [32, 33, 100, 101].map(nest);
  },
};

const define = (profile: Profile, fields: FieldDefinitions) =>
  defineSchema("Root", fields, { profile });
const read = (profile: Profile, fields: FieldDefinitions, hex: string) =>
  attempt(() => decode(define(profile, fields), Buffer.from(hex, "hex")));
const write = (profile: Profile, fields: FieldDefinitions, message: object) =>
  attempt(() => Buffer.from(encode(define(profile, fields), message)).toString("hex"));

function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return iibinErrors.is(error) ? "refused" : error;
  }
}
