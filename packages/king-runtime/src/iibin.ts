export * from "@king-runtime/iibin";
