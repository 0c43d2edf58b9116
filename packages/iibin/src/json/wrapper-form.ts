import { wrapperTypes } from "../well-known/well-known-types.ts";
import type { SpecialForm } from "./special-form.ts";

/** `google.protobuf.Int64Value` and the like: the scalar itself. */
export const wrapperForm: SpecialForm = {
  keys: ["value"],
  write(schema, message, to) {
    return to.field(schema, "value", message);
  },
  read(schema, json, from) {
    const type = wrapperTypes[schema.name] ?? "string";
    return { value: from.scalar(type, json) };
  },
};
