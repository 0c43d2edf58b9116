import { RequestFault } from "./request-fault.ts";

/** Where an object lies. */
export interface ObjectName {
  readonly bucket: string;
  readonly object: string;
}

/** Longest key of any store, in bytes of UTF-8; a store's own setting may be lower. */
const longestKeyBytes = 1_024;

/** Longest bucket whose objects have keys of at most `maxKeyBytes`: a slash and an object follow. */
export function longestBucketBytes(maxKeyBytes: number): number {
  return Math.max(1, maxKeyBytes - 2);
}

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
  const [longest, bytes] = [longestBucketBytes(longestKeyBytes), Buffer.byteLength(bucket)];
  if (bytes > longest)
    throw new RequestFault(400, `bucket: expected at most ${longest} bytes, got ${bytes}`);
  if (bucket.includes("/")) throw new RequestFault(400, "bucket: expected no slash");
  return bucket;
}

/**
 * Checks a bucket and an object, which has one segment or several between slashes.
 *
 * @throws RequestFault 400
 */
export function checkName(name: ObjectName): ObjectName {
  checkBucket(name.bucket);
  checkId("object", name.object);
  const bytes = Buffer.byteLength(keyOf(name));
  if (bytes > longestKeyBytes) {
    const rule = `at most ${longestKeyBytes} bytes together`;
    throw new RequestFault(400, `expected bucket, slash and object to have ${rule}, got ${bytes}`);
  }
  return name;
}

function checkId(what: string, id: string): void {
  if (id === "") throw new RequestFault(400, `${what}: expected at least one character, got none`);
  if (/\p{Cc}/u.test(id)) throw new RequestFault(400, `${what}: expected no control characters`);
  if (/(?:^|\/)\.{0,2}(?:\/|$)/.test(id))
    throw new RequestFault(400, `${what}: expected no segment that is empty, "." or ".."`);
}
