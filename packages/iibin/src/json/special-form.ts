import type { AnySchema } from "../schema.ts";
import { wrapperTypes } from "../well-known/well-known-types.ts";
import { anyForm } from "./any-form.ts";
import type { JsonReader } from "./json-reader.ts";
import type { JsonValue } from "./json-value.ts";
import type { JsonWriter } from "./json-writer.ts";
import { durationForm, fieldMaskForm, timestampForm } from "./text-forms.ts";
import { listValueForm, structForm, valueForm } from "./value-forms.ts";
import { wrapperForm } from "./wrapper-form.ts";

/** How messages of a type are written where JSON is no object of their fields. */
export interface SpecialForm {
  /** Keys of the fields that are used; a type of that name with others is written like any message. */
  readonly keys: readonly string[];
  write(schema: AnySchema, message: Readonly<Record<string, unknown>>, to: JsonWriter): JsonValue;
  read(schema: AnySchema, json: unknown, from: JsonReader): Record<string, unknown>;
}

/** The form of a well-known type; `undefined` for types whose JSON is an object of their fields. */
export function specialForm(schema: AnySchema): SpecialForm | undefined {
  if (!schema.name.startsWith("google.protobuf.")) return undefined;
  const form = formNamed(schema.name);
  return form?.keys.every((key) => Object.hasOwn(schema.definition, key)) ? form : undefined;
}

function formNamed(name: string): SpecialForm | undefined {
  if (Object.hasOwn(wrapperTypes, name)) return wrapperForm;
  switch (name) {
    case "google.protobuf.Any":
      return anyForm;
    case "google.protobuf.Timestamp":
      return timestampForm;
    case "google.protobuf.Duration":
      return durationForm;
    case "google.protobuf.FieldMask":
      return fieldMaskForm;
    case "google.protobuf.Struct":
      return structForm;
    case "google.protobuf.Value":
      return valueForm;
    case "google.protobuf.ListValue":
      return listValueForm;
    default:
      return undefined;
  }
}
