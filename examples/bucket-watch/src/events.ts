/** Greets a watcher: from here on it is told of every object. */
export interface Subscribed {
  readonly event: "subscribed";
  readonly bucket: string;
}

/** An object is durable and can be read. */
export interface ObjectAvailable {
  readonly event: "object.available";
  readonly bucket: string;
  readonly object_id: string;
  readonly content_type: string;
  /** In bytes. */
  readonly size: number;
}

/** The channel of a bucket's watchers. */
export function channelOf(bucket: string): string {
  return `bucket:${bucket}`;
}
