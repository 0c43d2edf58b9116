import type { Exchange, HeaderFields } from "@king-runtime/core";
import { isOriginAllowed } from "./origin.ts";
import { proofOf } from "./proof.ts";

/** Why a request does not become a WebSocket. */
export interface HandshakeFault {
  readonly status: 400 | 403 | 405 | 426 | 503;
  readonly detail: string;
  readonly headers?: HeaderFields;
}

/** What the answer to an acceptable handshake carries. */
export interface HandshakeAnswer {
  readonly headers: HeaderFields;
}

/** The one version there is (RFC 6455, section 4.1). */
export const supportedVersion = "13";

/**
 * Looks at the opening handshake: RFC 6455, section 4.2.1 on HTTP/1.1, RFC 8441, section 5 on HTTP/2
 * and RFC 9220 on HTTP/3, where the connection itself proves what the key proves on HTTP/1.1.
 */
export function checkHandshake(
  exchange: Exchange,
  allowedOrigins: readonly string[],
): HandshakeFault | HandshakeAnswer {
  const { headers, upgrade, method } = exchange;
  const isConnect = method === "CONNECT";
  if (method !== "GET" && !isConnect) {
    return {
      status: 405,
      detail: `a WebSocket is opened with GET, not ${method}`,
      headers: { allow: "GET" },
    };
  }
  if (upgrade?.protocol !== "websocket") {
    return {
      status: 426,
      detail: "this resource is a WebSocket endpoint",
      // On HTTP/2 and /3 there is no such field (RFC 9113, section 8.2.2).
      ...(exchange.session.protocol === "h1" && { headers: { upgrade: "websocket" } }),
    };
  }
  const version = headers.get("sec-websocket-version");
  if (version !== supportedVersion) {
    return {
      status: 426,
      detail: `expected WebSocket version ${supportedVersion}, got ${shown(version)}`,
      headers: {
        "sec-websocket-version": supportedVersion,
        ...(isConnect ? {} : { upgrade: "websocket" }),
      },
    };
  }
  const key = headers.get("sec-websocket-key");
  // Sixteen bytes in base64; two lines of the field come joined and so do not match.
  if (!isConnect && (key === undefined || !/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key))) {
    return {
      status: 400,
      detail: `Sec-WebSocket-Key: expected 16 bytes in base64, got ${shown(key)}`,
    };
  }
  if (!isOriginAllowed(exchange, allowedOrigins)) {
    return { status: 403, detail: `pages of ${shown(headers.get("origin"))} may not connect` };
  }
  return {
    headers: key === undefined || isConnect ? {} : { "sec-websocket-accept": proofOf(key) },
  };
}

function shown(value: string | undefined): string {
  return value === undefined ? "none" : JSON.stringify(value.slice(0, 100));
}
