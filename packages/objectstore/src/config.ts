import { bytesKey, defineSection, integerKey } from "@king-runtime/core";

/** Settings of the object store. */
export const objectstoreSection = defineSection(
  "objectstore",
  {
    maxBytes: bytesKey({
      default: Number.POSITIVE_INFINITY,
      unlimited: true,
      doc: "Quota: committed bytes of objects and bytes of puts under way.",
    }),
    maxObjectBytes: bytesKey({
      default: Number.POSITIVE_INFINITY,
      unlimited: true,
      doc: "Largest object.",
    }),
    maxKeyBytes: bytesKey({
      default: 1_024,
      min: 1,
      max: 1_024,
      doc: "Longest key, in bytes of UTF-8.",
    }),
    chunkBytes: bytesKey({
      default: 262_144,
      min: 1_024,
      max: 16_777_216,
      doc: "How much is read or written at once, and what one read holds in memory twice.",
    }),
    maxConcurrentWrites: integerKey({
      default: 16,
      min: 1,
      max: 1_024,
      unit: "puts",
      doc: "Puts that write or sync at one moment; the others wait, holding at most chunkBytes each.",
    }),
    maxOpenPuts: integerKey({
      default: 1_024,
      min: 1,
      max: 65_536,
      unit: "puts",
      doc: "Puts under way at once; more are refused.",
    }),
    maxOpenReads: integerKey({
      default: 1_024,
      min: 1,
      max: 65_536,
      unit: "reads",
      doc: "Objects open for reading at once; more are refused.",
    }),
    maxPageItems: integerKey({
      default: 1_000,
      min: 1,
      max: 10_000,
      unit: "objects",
      doc: "Objects in one page of a listing, also when more are asked for.",
    }),
  },
  { doc: "The durable object store on the local file system." },
);
