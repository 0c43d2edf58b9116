import type { NamedCodec } from "./codec.ts";

/** What is measured; each is loaded by the process that measures it only. */
export const ours: NamedCodec = {
  name: "ours",
  open: async (content) => (await import("./ours.ts")).openOurs(content),
};

/** As where policy forbids generated functions. */
export const closures: NamedCodec = {
  name: "ours without generated code",
  open: async (content) => (await import("./ours.ts")).openOurs(content, { generate: false }),
};

/** With memory of its own for each message. */
export const copies: NamedCodec = {
  name: "ours with copy: true",
  open: async (content) => (await import("./ours.ts")).openOurs(content, { copy: true }),
};

export const peers = {
  protobufjs: {
    name: "protobufjs 8 static",
    open: async (content) => (await import("./protobufjs.ts")).openProtobufjs(content),
  },
  bufbuild: {
    name: "@bufbuild/protobuf 2",
    open: async (content) => (await import("./bufbuild.ts")).openBufbuild(content),
  },
  msgpackr: {
    name: "msgpackr 2 records",
    open: async (content) => (await import("./msgpackr.ts")).openMsgpackr(content),
  },
  cborX: {
    name: "cbor-x 1 records",
    open: async (content) => (await import("./cbor-x.ts")).openCborX(content),
  },
  avsc: {
    name: "avsc 5",
    open: async (content) => (await import("./avsc.ts")).openAvsc(content),
  },
  json: {
    name: "JSON text",
    open: async (content) => (await import("./json.ts")).openJson(content),
  },
} as const satisfies Record<string, NamedCodec>;
