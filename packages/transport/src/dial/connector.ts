import { connect, type Socket } from "node:net";

/**
 * Makes one connection to one address, or fails.
 *
 * @param signal the attempt is given up; it is of no meaning once the connection is made.
 */
export type Connector = (address: string, port: number, signal: AbortSignal) => Promise<Socket>;

/** Connects over TCP, without Nagle's algorithm. */
export const tcpConnector: Connector = (address, port, signal) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({ host: address, port, noDelay: true });
    const settle = () => {
      socket.off("connect", onConnect).off("error", onError);
      signal.removeEventListener("abort", onAbort);
    };
    const onConnect = () => {
      settle();
      resolve(socket);
    };
    const onError = (error: Error) => {
      settle();
      reject(error);
    };
    const onAbort = () => {
      settle();
      socket.on("error", () => undefined).destroy();
      reject(signal.reason);
    };
    socket.on("connect", onConnect).on("error", onError);
    signal.addEventListener("abort", onAbort);
  });
