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

/** An event as it goes out. */
export function encodeAvailable(object: Omit<ObjectAvailable, "event">): string {
  const event: ObjectAvailable = { event: "object.available", ...object };
  return JSON.stringify(event);
}

/** The channel of a bucket's watchers. */
export function channelOf(bucket: string): string {
  return `bucket:${bucket}`;
}
