import type { HeaderView } from "@king-runtime/core";
import { parseHttpDate } from "../../middleware/http-date.ts";

/**
 * What `Retry-After` asks for, in milliseconds from `nowMs`: seconds or a date (RFC 9110, section 10.2.3).
 * `undefined` without the field, and where it is neither or there are several.
 *
 * @param nowMs milliseconds since the Unix epoch.
 */
export function retryAfterMs(headers: HeaderView, nowMs: number): number | undefined {
  const lines = headers.getAll("retry-after");
  const [text] = lines;
  if (text === undefined || lines.length > 1) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const at = parseHttpDate(text, nowMs);
  return at === undefined ? undefined : Math.max(0, at - nowMs);
}
