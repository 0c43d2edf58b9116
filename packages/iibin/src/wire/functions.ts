/** Everything that generated source calls. */
export { unknownFields } from "../unknown-fields.ts";
export { byteLength } from "./byte-length.ts";
export { addPart, decodeParts } from "./decode-parts.ts";
export { at, bad, truncated } from "./fault.ts";
export { knownKey, rememberKey, setEntry, sparse } from "./map-entry.ts";
export {
  atIndex,
  atKey,
  bigintKey,
  booleanKey,
  checkKeys,
  isList,
  isMap,
  misaligned,
  missing,
  numberKey,
  tooDeep,
  tooDeepAt,
  tooMany,
  tooManyAt,
} from "./message-checks.ts";
export { countVarints, joined, keepRange, readBytes, viewBytes } from "./read-bytes.ts";
export { readDouble, readFloat } from "./read-number.ts";
export { readText } from "./read-text.ts";
export {
  readBool,
  readFixed32,
  readFixed63,
  readFixed64,
  readFixed64Number,
  readInt32,
  readInt32Strict,
  readInt64,
  readInt64Number,
  readSfixed64,
  readSfixed64Number,
  readSint64,
  readSint64Number,
  readUint32Strict,
  readUint63,
  readUint64,
  readUint64Number,
} from "./read-varint.ts";
export { readKey, readLength, skipField, tooLong, wrongWireType } from "./reader.ts";
export { badText, writeBytes, writeRaw, writeText } from "./write-text.ts";
export {
  isInt64,
  isUint63,
  isUint64,
  writeBigint,
  writeFixed64,
  writeInt32,
  writeInteger,
  writeUint32,
  writeZigzagBigint,
  writeZigzagInteger,
} from "./write-varint.ts";
export { grow, lengthWidth, setLength } from "./writer.ts";
