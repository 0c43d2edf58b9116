import type { Stream } from "@king-runtime/core";
import WebSocket, { type ClientOptions } from "ws";
import { endedError, type OpenedSocket } from "../web-socket-connection.ts";
import type { ClientLimits } from "./connect-options.ts";
import { OpeningDuplex } from "./opening-duplex.ts";

/** Lays `ws` in its role of a client over `stream`; `onOpen` is called before anything is read. */
export function openSocket<Result>(
  stream: Stream,
  limits: ClientLimits,
  onOpen: (opened: OpenedSocket) => Result,
): Promise<Result> {
  const duplex = new OpeningDuplex(stream);
  const options: ClientOptions & { maxBufferedChunks: number; closeTimeout: number } = {
    // Connections answer pings themselves, and bound how many answers wait.
    autoPong: false,
    perMessageDeflate: false,
    maxPayload: limits.maxMessageBytes,
    maxFragments: limits.maxMessageFragments,
    maxBufferedChunks: limits.maxMessageReads,
    closeTimeout: limits.closeTimeoutMs,
    createConnection: (() => duplex) as unknown as NonNullable<ClientOptions["createConnection"]>,
  };
  return new Promise((resolve, reject) => {
    // Nobody sees this address.
    const socket = new WebSocket("ws://localhost/", options);
    const onError = (error: Error) => reject(endedError(undefined, error));
    socket.once("error", onError);
    socket.once("open", () => {
      socket.off("error", onError);
      resolve(onOpen({ socket, duplex }));
    });
  });
}
