import type { MessageClass } from "../decode-options.ts";
import type { AnySchema } from "../schema.ts";
import * as functions from "../wire/functions.ts";
import { type DecoderVariant, emitDecoder } from "./emit-decoder.ts";
import { emitEncoder } from "./emit-encoder.ts";
import type { DecodeFunction, EncodeFunction } from "./functions.ts";
import { reachableSchemas } from "./message-plan.ts";
import { SourceLines } from "./source-lines.ts";

// Engines share what they learn about functions of the same source: each gets its own.
let generated = 0;
let isAllowed: boolean | undefined;

/** Whether policy lets source become functions; a Content-Security-Policy may forbid it. @internal */
export function canGenerate(): boolean {
  if (isAllowed === undefined)
    try {
      new Function("");
      isAllowed = true;
    } catch {
      isAllowed = false;
    }
  return isAllowed;
}

export function generateEncoder(schema: AnySchema): EncodeFunction {
  const lines = new SourceLines(new Set());
  emitEncoder(reachableSchemas(schema), lines);
  return evaluate(lines, "e0", []) as EncodeFunction;
}

export function generateDecoder(
  schema: AnySchema,
  variant: DecoderVariant,
  classes: readonly MessageClass[],
): DecodeFunction {
  const lines = new SourceLines(new Set());
  emitDecoder(reachableSchemas(schema), variant, lines);
  return evaluate(lines, "d0", classes) as DecodeFunction;
}

function evaluate(lines: SourceLines, root: string, classes: readonly MessageClass[]): unknown {
  generated++;
  const source = `"use strict"; // ${generated}
const { ${[...lines.helpers].sort().join(", ")} } = h;
${lines}return ${root};`;
  return new Function("h", "K", source)(functions, classes);
}
