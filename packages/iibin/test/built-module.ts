import type { Codec } from "../src/codec.ts";
import { emitModule } from "../src/emit/emit-module.ts";
import type { Enum } from "../src/enum.ts";
import * as runtime from "../src/runtime.ts";
import type { AnySchema } from "../src/schema.ts";

/** What a built module exports, evaluated as a function's body so that it needs no file. */
export function builtModuleOf(
  definitions: readonly (AnySchema | Enum)[],
): Readonly<Record<string, unknown>> {
  const body = emitModule(definitions)
    .code.replace(/^import (\{.*\}) from .*$/m, "const $1 = runtime;")
    .replaceAll(/^export const ([\w$]+) = /gm, "exported.$1 = ");
  const exported = {};
  new Function("runtime", "exported", `"use strict";\n${body}`)(runtime, exported);
  return exported;
}

/** The codec of a schema in a built module of it alone. */
export function builtCodecOf(schema: AnySchema): Codec<object, unknown> {
  const [codec] = Object.values(builtModuleOf([schema]));
  return codec as Codec<object, unknown>;
}
