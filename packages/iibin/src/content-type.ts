/** Media type of messages; none is registered, and this one is what is in use. */
export const contentType = "application/x-protobuf";
