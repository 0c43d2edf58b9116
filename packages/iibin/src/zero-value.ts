import { isInt64Type, type ScalarType } from "./scalar-type.ts";

/** What an absent scalar without presence reads as, where numbers of 64 bits have that form. @internal */
export function zeroValue(
  scalar: ScalarType,
  int64: "bigint" | "number",
): string | boolean | number | bigint | Uint8Array {
  switch (scalar) {
    case "bool":
      return false;
    case "string":
      return "";
    case "bytes":
      // One for each: who transfers its memory elsewhere takes it from nobody.
      return new Uint8Array(0);
    default:
      return int64 === "bigint" && isInt64Type(scalar) ? 0n : 0;
  }
}
