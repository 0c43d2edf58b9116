import {
  booleanKey,
  bytesKey,
  defineSection,
  durationKey,
  enumKey,
  integerKey,
  listKey,
  stringKey,
} from "../src/index.ts";

/** A section with a key of every kind, and security and secret keys. */
export const door = defineSection(
  "door",
  {
    enabled: booleanKey({ default: true, doc: "Whether there is a door." }),
    width: integerKey({ default: 80, min: 60, max: 200, unit: "cm", doc: "How wide." }),
    maxParcelBytes: bytesKey({ default: 1_024, unlimited: true, doc: "Largest parcel." }),
    closeAfterMs: durationKey({ default: 5_000, min: 1, doc: "Closes after this." }),
    colour: enumKey({ values: ["red", "green"], default: "red", doc: "Its colour." }),
    name: stringKey({ default: "front", doc: "Its name." }),
    visitors: listKey({ default: [], doc: "Who may come in." }),
    locked: booleanKey({ default: true, doc: "Whether it is locked.", security: true }),
    code: stringKey({ default: undefined, secret: true, doc: "The code of its lock." }),
  },
  { doc: "The door." },
);

/** A second section. */
export const lamp = defineSection("lamp", {
  watts: integerKey({ default: 8, doc: "Power." }),
});
