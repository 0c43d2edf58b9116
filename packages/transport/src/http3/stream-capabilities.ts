import type { StreamCapability, StreamSession } from "@king-runtime/core";

/** What an HTTP/3 message can do on the streams of `session`: datagrams are a matter of its own (RFC 9297). */
export function streamCapabilities({ capabilities }: StreamSession): ReadonlySet<StreamCapability> {
  const own = new Set(capabilities);
  own.delete("datagrams");
  return own.add("trailers").add("informational");
}
