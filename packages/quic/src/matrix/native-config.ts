import { getCACertificates } from "node:tls";
import type { ClientTls, ServerTls } from "../connect-options.ts";
import type { QuicLimits } from "../limits.ts";
import type { Native, NativeConfig } from "./native.ts";

/** Of each side: one for the path in use, and one for each that it may go to; quiche keeps those of paths left behind. */
const connectionIds = 5;

/** A packet that fits any path (RFC 9000, section 14). */
export const maxPacketBytes = 1_350;

// What BoringSSL verifies of RFC 8446, section 4.2.3, without SHA-1.
const signatures = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "ed25519",
  "rsa_pss_rsae_sha256",
  "rsa_pss_rsae_sha384",
  "rsa_pss_rsae_sha512",
  "rsa_pkcs1_sha256",
  "rsa_pkcs1_sha384",
  "rsa_pkcs1_sha512",
].join(":");

const bytes = (text: string) => new TextEncoder().encode(text);

/** A client verifies the server, by the authorities of `ca` or those that node trusts. */
export function clientConfig(
  native: Native,
  tls: ClientTls,
  limits: QuicLimits,
  earlyData: boolean,
): NativeConfig {
  const ca = tls.ca ?? getCACertificates("default").join("\n");
  const { Config } = native.quiche;
  const { cert, key } = tls;
  const config = Config.withBoringSslCtx(
    true,
    false,
    bytes(ca),
    key === undefined ? null : [bytes(key)],
    cert === undefined ? null : [bytes(cert)],
    signatures,
  );
  if (earlyData) config.enableEarlyData();
  return configure(config, tls.alpn, limits);
}

/** @param ticketKey of 48 bytes; without one BoringSSL has keys of its own, which it changes. */
export function serverConfig(
  native: Native,
  tls: ServerTls,
  limits: QuicLimits,
  ticketKey: Uint8Array | undefined,
): NativeConfig {
  const { Config } = native.quiche;
  const { key, cert, ca } = tls;
  const config = Config.withBoringSslCtx(
    ca !== undefined,
    false,
    ca === undefined ? null : bytes(ca),
    [bytes(key)],
    [bytes(cert)],
    signatures,
  );
  if (ticketKey !== undefined) config.setTicketKey(ticketKey);
  if (limits.earlyData) config.enableEarlyData();
  return configure(config, tls.alpn, limits);
}

function configure(config: NativeConfig, alpn: readonly string[], limits: QuicLimits) {
  const { maxStreams, streamWindowBytes, maxSessionUndeliveredBytes, idleTimeoutMs } = limits;
  const { maxQueuedDatagrams } = limits;
  config.setApplicationProtos([...alpn]);
  config.setMaxIdleTimeout(idleTimeoutMs);
  config.setMaxRecvUdpPayloadSize(maxPacketBytes);
  config.setMaxSendUdpPayloadSize(maxPacketBytes);
  config.setInitialMaxStreamsBidi(maxStreams);
  config.setInitialMaxStreamsUni(maxStreams);
  config.setInitialMaxStreamDataBidiLocal(streamWindowBytes);
  config.setInitialMaxStreamDataBidiRemote(streamWindowBytes);
  config.setInitialMaxStreamDataUni(streamWindowBytes);
  config.setInitialMaxData(maxSessionUndeliveredBytes);
  // Otherwise quiche lets windows grow by itself.
  config.setMaxStreamWindow(streamWindowBytes);
  config.setMaxConnectionWindow(maxSessionUndeliveredBytes);
  config.enableDgram(true, maxQueuedDatagrams, maxQueuedDatagrams);
  config.setActiveConnectionIdLimit(connectionIds);
  // A client behind NAT gets another port after a pause: that is migration to the server.
  config.setDisableActiveMigration(false);
  config.enablePacing(false);
  if (limits.keylogFolder !== undefined) config.logKeys();
  return config;
}
