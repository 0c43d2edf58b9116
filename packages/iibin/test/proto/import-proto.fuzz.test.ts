import { KingError } from "@king-runtime/core/errors";
import fc from "fast-check";
import { expect, test } from "vitest";
import { importProto } from "../../src/proto/import-proto.ts";
import { bundledProto } from "./bundled-proto.ts";

const numRuns = Number(process.env["KING_FUZZ_RUNS"] ?? 200);

const head = 'syntax = "proto3";';
const words =
  `${head} syntax package import public weak option message enum oneof map reserved extend
  extensions service rpc returns stream optional repeated required group to max true false int32
  string bytes bool A B A.B .A E x y _ __proto__ constructor = ; { } [ ] < > ( ) , . - + 0 1 2 19000
  0x10 007 08 1.5 1e9 536870911 "a" 'b' "\\n" "\\q" " // /* */ packed json_name allow_alias default
  google.protobuf.FieldOptions "google/protobuf/any.proto" google.protobuf.Any é`.split(/\s+/);

const soup = fc
  .array(fc.constantFrom(...words), { maxLength: 60 })
  .map((each) => `${head} ${each.join(" ")}`);

/** Imports that, or refuses it as the documentation says, at a place inside the text. */
function importsOrRefuses(text: string): "imports" | "refuses" {
  try {
    importProto(text, { fieldNames: "proto" });
    return "imports";
  } catch (error) {
    if (!KingError.is(error, "KING_IIBIN_PROTO_INVALID")) throw error;
    const { line, column } = error.details as { line: number; column: number };
    const lines = text.split("\n");
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 1);
    return "refuses";
  }
}

test("any text imports or is refused", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), soup), (text) => {
      importsOrRefuses(text);
    }),
    { numRuns: numRuns * 5 },
  );
});

test("a file with some of it cut out, put elsewhere or replaced imports or is refused", () => {
  const whole = bundledProto("google/protobuf/test_messages_proto3.proto");
  // Without its comments, in which nothing goes wrong.
  const text = whole.replaceAll(/\/\/.*/g, "");
  let imported = 0;
  fc.assert(
    fc.property(
      fc.nat(text.length),
      fc.oneof(fc.constant(0), fc.nat(40)),
      fc.nat(text.length),
      fc.oneof(fc.constant(""), fc.constantFrom(...words)),
      (at, length, to, word) => {
        const cut = text.slice(at, at + length);
        const rest = text.slice(0, at) + text.slice(at + length);
        if (importsOrRefuses(rest.slice(0, to) + word + cut + rest.slice(to)) === "imports")
          imported++;
      },
    ),
    { numRuns },
  );
  expect(imported).toBeGreaterThan(0);
  expect(imported).toBeLessThan(numRuns);
});
