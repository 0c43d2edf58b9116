export * from "@king-runtime/quic";
