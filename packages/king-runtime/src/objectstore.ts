export * from "@king-runtime/objectstore";
