import { usualLimits } from "./import-proto.ts";
import { parseProto } from "./parse-proto.ts";
import { ProtoSource } from "./proto-source.ts";

/**
 * The paths that a file imports, as it writes them.
 *
 * @throws {KingError} `KING_IIBIN_PROTO_INVALID`.
 */
export function protoImports(file: string, text: string): string[] {
  return parseProto(new ProtoSource(file, text), usualLimits).imports.map(({ path }) => path);
}
