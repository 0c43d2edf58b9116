import type { BlobStore, Exchange } from "@king-runtime/core";
import type { Realtime } from "@king-runtime/realtime";
import { channelOf, type ObjectAvailable } from "./events.ts";
import { mediaTypeOf } from "./media-type.ts";
import { checkBucket, checkObject, keyOf } from "./object-name.ts";
import { parseQuery } from "./query.ts";
import { RequestFault } from "./request-fault.ts";

/**
 * `POST /upload?bucket=&object=`: streams the body into the store at the pace of both, and tells the
 * bucket's watchers once the object is durable.
 */
export async function upload(
  exchange: Exchange,
  store: BlobStore,
  realtime: Realtime,
): Promise<void> {
  refuseForeignPages(exchange);
  const query = parseQuery(exchange.query);
  const bucket = checkBucket(query.get("bucket") ?? "inbox");
  const object = checkObject(query.get("object") ?? "upload.bin");
  const contentType = mediaTypeOf(exchange.headers.get("content-type"), object);
  const info = await store.put(keyOf({ bucket, object }), exchange, { contentType });
  const event: ObjectAvailable = {
    event: "object.available",
    bucket,
    object_id: object,
    content_type: info.contentType,
    size: info.size,
  };
  realtime.publish(channelOf(bucket), JSON.stringify(event));
  exchange.respond(
    202,
    { "content-type": "application/json", etag: info.etag },
    JSON.stringify({ stored: true, key: info.key }),
  );
}

/** A page of another origin must not write here by way of a visitor's browser. */
function refuseForeignPages({ headers, authority }: Exchange): void {
  const origin = headers.get("origin");
  if (origin !== undefined && URL.parse(origin)?.host !== authority)
    throw new RequestFault(403, "pages of other origins may not upload");
}
