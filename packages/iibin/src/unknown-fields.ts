/**
 * Key under which decoding with `unknownFields: "keep"` leaves the fields a schema lacks, as they came:
 * a `Uint8Array` that encoding writes behind the other fields.
 */
export const unknownFields: unique symbol = Symbol.for("king.iibin.unknownFields") as never;
