import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Endpoint } from "@king-runtime/core";
import { listenError } from "../connect-options.ts";

/** Length of the connection ids we choose (RFC 9000, section 5.1): none can be guessed. */
export const connectionIdBytes = 20;

/** What the kernel is asked to hold of packets that come while JavaScript is busy. */
const receiveBufferBytes = 2_097_152;

/**
 * Binds a UDP socket.
 *
 * @throws {KingError} KING_QUIC_LISTEN.
 */
export async function openSocket(endpoint: Endpoint): Promise<Socket> {
  const { address, port } = endpoint;
  const socket = createSocket({
    type: isIPv6(address) ? "udp6" : "udp4",
    recvBufferSize: receiveBufferBytes,
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ address, port, exclusive: true }, () => {
        socket.removeListener("error", reject);
        resolve();
      });
    });
  } catch (cause) {
    socket.close();
    throw listenError(endpoint, cause);
  }
  return socket;
}

/** Where a socket is bound. */
export function boundEndpoint(socket: Socket): Required<Endpoint> {
  const { address, port, family } = socket.address();
  return { address, port, family: family === "IPv6" ? "IPv6" : "IPv4" };
}
