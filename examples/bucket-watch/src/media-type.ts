import { extname } from "node:path/posix";
import { RequestFault } from "./request-fault.ts";

const unknown = "application/octet-stream";

/** Longest content type that is stored, in characters of ASCII. */
export const longestContentType = 255;

const byExtension: Readonly<Record<string, string>> = {
  ".avif": "image/avif",
  ".css": "text/css",
  ".csv": "text/csv",
  ".gif": "image/gif",
  ".htm": "text/html",
  ".html": "text/html",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript",
  ".json": "application/json",
  ".md": "text/markdown",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".webm": "video/webm",
  ".webp": "image/webp",
  ".zip": "application/zip",
};

/**
 * The content type to store: the uploader's word, else by the extension. A form's encoding is no
 * property of the object: `curl --data-binary` states it unasked.
 *
 * @throws RequestFault 400 for a field that is no media type (RFC 9110, section 8.3.1).
 */
export function mediaTypeOf(field: string | undefined, object: string): string {
  const stated = field?.trim();
  if (stated === undefined || /^application\/x-www-form-urlencoded\b/i.test(stated))
    return byExtension[extname(object).toLowerCase()] ?? unknown;
  if (
    stated.length > longestContentType ||
    !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:[ \t]*;[\t -~]*)?$/.test(stated)
  )
    throw new RequestFault(400, "content-type: expected a media type such as text/plain");
  // The white space that HTTP allows is more than the store keeps.
  return stated.replaceAll("\t", " ");
}

/** Types that a browser shows without running anything of theirs. */
const harmless =
  /^(?:text\/(?:plain|csv|markdown)|image\/(?:avif|gif|jpeg|png|webp)|audio\/[\w.+-]+|video\/[\w.+-]+|application\/json)(?:;|$)/i;

/**
 * Fields under which anything may be served on the application's own origin: the type is never
 * guessed, what could hold script is downloaded instead of shown, and what is shown all the same runs
 * in a sandbox with an origin of its own.
 */
export function safeContentFields(contentType: string, object: string): Record<string, string> {
  const name = object.slice(object.lastIndexOf("/") + 1);
  const disposition = harmless.test(contentType.replaceAll(/[ \t]/g, "")) ? "inline" : "attachment";
  return {
    "content-type": contentType,
    "content-disposition": `${disposition}; filename*=UTF-8''${encodeExtended(name)}`,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
  };
}

/** Percent-encodes for an extended parameter (RFC 8187, section 3.2.1). */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
