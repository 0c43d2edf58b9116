import { configErrors, environmentName } from "@king-runtime/core";
import type { RealtimeSettings } from "@king-runtime/realtime";
import { channelOf, encodeAvailable } from "./events.ts";
import { longestContentType } from "./media-type.ts";
import { longestBucketBytes } from "./object-name.ts";

/** Bytes of the largest header of a WebSocket frame a server sends (RFC 6455, section 5.2). */
const frameHeaderBytes = 10;

/**
 * Checks that whatever is stored can be announced: an upload must not fail after it was stored.
 *
 * @throws {KingError} KING_CONFIG_INVALID naming the setting.
 */
export function checkLimits(
  realtime: Pick<RealtimeSettings, "maxChannelNameBytes" | "maxSendBufferBytes">,
  maxKeyBytes: number,
): void {
  const bucket = "b".repeat(longestBucketBytes(maxKeyBytes));
  const channelBytes = Buffer.byteLength(channelOf(bucket));
  // A quotation mark takes two bytes in JSON, and nothing that a name or a type may have takes more.
  const event = encodeAvailable({
    bucket: '"',
    object_id: '"'.repeat(Math.max(1, maxKeyBytes - 2)),
    content_type: '"'.repeat(longestContentType),
    size: Number.MAX_SAFE_INTEGER,
  });
  const needs = [
    ["maxChannelNameBytes", channelBytes, "the channel of the longest bucket"],
    ["maxSendBufferBytes", Buffer.byteLength(event) + frameHeaderBytes, "the largest event"],
  ] as const;
  const issues = needs
    .filter(([name, bytes]) => realtime[name] < bytes)
    .map(([name, bytes, what]) => ({
      key: `realtime.${name}`,
      message:
        `realtime.${name}: expected at least ${bytes} bytes for ${what}, ` +
        `got ${realtime[name]} (${environmentName("realtime", name)})`,
    }));
  if (issues.length === 0) return;
  const message = issues.map((issue) => issue.message).join("\n");
  throw configErrors.create("KING_CONFIG_INVALID", message, { issues });
}
