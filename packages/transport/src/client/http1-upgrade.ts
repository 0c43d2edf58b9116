import { type Agent, type IncomingMessage, request as nodeRequest } from "node:http";
import type { Socket } from "node:net";
import { headerView } from "@king-runtime/core";
import { NodeStream } from "../node-stream.ts";
import type { PreparedRequest } from "./prepared-request.ts";
import { abortedError, protocolError, requestError, timeoutError } from "./request-error.ts";
import { type UpgradedRequest, upgradeRefused } from "./upgrade.ts";

/** Asks for a protocol by Upgrade (RFC 9110, section 7.8) on the connection of `agent`, which is the stream's then. */
export function upgradeHttp1(
  request: PreparedRequest,
  protocol: string,
  agent: Agent,
): Promise<UpgradedRequest> {
  const { path, origin, headers, limits, signal } = request;
  return new Promise((resolve, reject) => {
    const asked = nodeRequest({
      agent,
      host: origin.host,
      port: origin.port,
      method: "GET",
      path,
      headers: {
        host: origin.authority,
        ...(headers as Record<string, string | string[]>),
        connection: "Upgrade",
        upgrade: protocol,
      },
      setHost: false,
      maxHeaderSize: limits.maxHeaderBytes,
    });
    let isSettled = false;
    const settle = () => {
      isSettled = true;
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: unknown) => {
      if (isSettled) return;
      settle();
      asked.destroy();
      reject(error);
    };
    /** RFC 9110, section 7.8. */
    const unasked = (got: string) =>
      protocolError(origin, `expected a change to ${protocol}, got one to ${got}`);
    const onAbort = () => fail(signal?.reason);
    const { headersTimeoutMs, clock } = limits;
    const timer = clock.after(headersTimeoutMs, () =>
      fail(timeoutError(request, "headers", headersTimeoutMs)),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    asked.on("upgrade", (message: IncomingMessage, socket: Socket, head: Buffer) => {
      if (isSettled) return;
      const { upgrade = "no protocol" } = message.headers;
      if (upgrade.toLowerCase() !== protocol.toLowerCase()) return fail(unasked(upgrade));
      settle();
      if (head.length > 0) socket.unshift(head);
      const stream = new NodeStream(socket, limits);
      resolve({ stream, headers: headerView(message.rawHeaders) });
    });
    asked.on("response", (message: IncomingMessage) => {
      const { statusCode = 0 } = message;
      if (statusCode === 101) fail(unasked("no protocol"));
      else fail(upgradeRefused(origin, protocol, statusCode));
    });
    asked.on("error", (error) => fail(requestError(error, request, false)));
    asked.on("close", () => fail(abortedError(request, true)));
    asked.end();
  });
}
