const wrappers = [
  "Double",
  "Float",
  "Int64",
  "UInt64",
  "Int32",
  "UInt32",
  "Bool",
  "String",
  "Bytes",
];

/**
 * Files of protobuf's own that need not be given, under `google/protobuf/`, and the types each
 * defines. Descriptors and features are proto2, imported for extending options only.
 */
const typesByFile: ReadonlyMap<string, readonly string[]> = new Map([
  ["any", ["Any"]],
  ["cpp_features", []],
  ["descriptor", []],
  ["duration", ["Duration"]],
  ["empty", ["Empty"]],
  ["field_mask", ["FieldMask"]],
  ["go_features", []],
  ["java_features", []],
  ["struct", ["Struct", "Value", "ListValue", "NullValue"]],
  ["timestamp", ["Timestamp"]],
  ["wrappers", wrappers.map((name) => `${name}Value`)],
]);

const folder = "google/protobuf/";
const packageName = "google.protobuf.";

/** Full names of what a file of protobuf's own defines; `undefined` for other files. */
export function wellKnownFileTypes(path: string): string[] | undefined {
  if (!path.startsWith(folder) || !path.endsWith(".proto")) return undefined;
  const types = typesByFile.get(path.slice(folder.length, -".proto".length));
  return types?.map((name) => packageName + name);
}

/** Path of the file of protobuf's own that defines a type; `undefined` for other types. */
export function wellKnownTypeFile(fullName: string): string | undefined {
  if (!fullName.startsWith(packageName)) return undefined;
  const name = fullName.slice(packageName.length);
  for (const [file, types] of typesByFile)
    if (types.includes(name)) return `${folder}${file}.proto`;
  return undefined;
}
