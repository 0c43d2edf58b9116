/** The fifteen scalar types of protobuf, by the names `.proto` files use. */
export type ScalarType =
  | "double"
  | "float"
  | "int32"
  | "int64"
  | "uint32"
  | "uint64"
  | "sint32"
  | "sint64"
  | "fixed32"
  | "fixed64"
  | "sfixed32"
  | "sfixed64"
  | "bool"
  | "string"
  | "bytes";

/** Types a map's keys can have: every scalar but floating point and bytes. */
export type MapKeyType = Exclude<ScalarType, "double" | "float" | "bytes">;

/** Scalars of 64 bits, which JavaScript's numbers hold exactly up to 2^53 only. */
export type Int64Type = "int64" | "uint64" | "sint64" | "fixed64" | "sfixed64";

const wireTypeOf: Readonly<Record<ScalarType, 0 | 1 | 2 | 5>> = Object.freeze({
  double: 1,
  float: 5,
  int32: 0,
  int64: 0,
  uint32: 0,
  uint64: 0,
  sint32: 0,
  sint64: 0,
  fixed32: 5,
  fixed64: 1,
  sfixed32: 5,
  sfixed64: 1,
  bool: 0,
  string: 2,
  bytes: 2,
});

export function isScalarType(name: unknown): name is ScalarType {
  return typeof name === "string" && Object.hasOwn(wireTypeOf, name);
}

export function isMapKeyType(name: unknown): name is MapKeyType {
  return isScalarType(name) && name !== "double" && name !== "float" && name !== "bytes";
}

export function isInt64Type(type: ScalarType): type is Int64Type {
  return type.endsWith("64");
}

/** The wire type of one value of a scalar type. */
export function scalarWireType(type: ScalarType): 0 | 1 | 2 | 5 {
  return wireTypeOf[type];
}

/** Whether repeated values can be packed into one record: all scalars but strings and bytes. */
export function isPackable(type: ScalarType): boolean {
  return wireTypeOf[type] !== 2;
}
