export * from "@king-runtime/transport";
