import { RequestFault } from "./request-fault.ts";

/** Where an object lies. */
export interface ObjectName {
  readonly bucket: string;
  readonly object: string;
}

/** Longest bucket or object, in bytes of UTF-8; the store's own limit holds for both together. */
const longestBytes = 1_024;

/** The key of an object in the store. */
export function keyOf({ bucket, object }: ObjectName): string {
  return `${bucket}/${object}`;
}

/**
 * Checks a bucket: one segment, so that no two names share a key.
 *
 * @throws RequestFault 400
 */
export function checkBucket(bucket: string): string {
  checkId("bucket", bucket);
  if (bucket.includes("/")) throw new RequestFault(400, "bucket: expected no slash");
  return bucket;
}

/** Checks an object: one segment or several between slashes. @throws RequestFault 400 */
export function checkObject(object: string): string {
  return checkId("object", object);
}

function checkId(what: string, id: string): string {
  if (id === "") throw new RequestFault(400, `${what}: expected at least one character, got none`);
  const bytes = Buffer.byteLength(id);
  if (bytes > longestBytes)
    throw new RequestFault(400, `${what}: expected at most ${longestBytes} bytes, got ${bytes}`);
  if (/\p{Cc}/u.test(id)) throw new RequestFault(400, `${what}: expected no control characters`);
  if (/(?:^|\/)\.{0,2}(?:\/|$)/.test(id))
    throw new RequestFault(400, `${what}: expected no segment that is empty, "." or ".."`);
  return id;
}
