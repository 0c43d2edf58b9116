export * from "@king-runtime/realtime";
