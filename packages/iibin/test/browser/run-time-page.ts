import { createCodec } from "@king-runtime/iibin";
import { defineSchemas } from "./definitions.ts";
import { report } from "./report.ts";

// The program of a page that defines its schemas itself.
void report(() => {
  const { Small, Medium, Wide } = defineSchemas();
  return { Small: createCodec(Small), Medium: createCodec(Medium), Wide: createCodec(Wide) };
});
