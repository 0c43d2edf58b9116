import type { Writer } from "protobufjs/minimal.js";

interface GeneratedType {
  encode(message: object): Writer;
  decode(bytes: Uint8Array): object;
}

export const Small: GeneratedType;
export const Medium: GeneratedType;
export const Large: GeneratedType;
