import type { openMatrixEngine } from "@king-runtime/quic";

/** What a WebSocket of the echo rows is carried by. */
export type Carrier = "h1" | "h2" | "h3 by currentspace" | "h3 by matrix";

type QuicEngine = Awaited<ReturnType<typeof openMatrixEngine>>;

/** The option `quic` of a listener or a session, where `carrier` needs it. */
export async function quicOf(carrier: Carrier): Promise<{ quic?: { engine: QuicEngine } }> {
  if (!carrier.startsWith("h3")) return {};
  const engines = await import("@king-runtime/quic");
  const open =
    carrier === "h3 by matrix" ? engines.openMatrixEngine : engines.openCurrentSpaceEngine;
  return { quic: { engine: await open() } };
}
