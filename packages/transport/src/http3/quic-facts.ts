import type { StreamSession } from "@king-runtime/core";
import type { SocketFacts } from "../socket-facts.ts";

/**
 * What HTTP/3 knows of its connection. QUIC is never without TLS 1.3 (RFC 9001, section 4.2), also where an engine does not
 * tell of it: a client has then verified its server, and a server no client.
 */
export function factsOf(session: StreamSession): SocketFacts {
  const { local, remote, role } = session;
  const known = { version: "TLSv1.3", alpn: "h3", peerVerified: role === "client", resumed: false };
  const tls = session.tls ?? Object.freeze(known);
  return { ...(local && { local }), ...(remote && { remote }), tls };
}
