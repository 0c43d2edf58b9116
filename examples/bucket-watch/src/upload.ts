import type { BlobStore, Exchange } from "@king-runtime/core";
import { isOriginAllowed, type Realtime } from "@king-runtime/realtime";
import { channelOf, encodeAvailable } from "./events.ts";
import { mediaTypeOf } from "./media-type.ts";
import { checkName, keyOf } from "./object-name.ts";
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
  // A page of another origin must not write here by way of a visitor's browser.
  if (!isOriginAllowed(exchange))
    throw new RequestFault(403, "pages of other origins may not upload");
  const query = parseQuery(exchange.query);
  const { bucket, object } = checkName({
    bucket: query.get("bucket") ?? "inbox",
    object: query.get("object") ?? "upload.bin",
  });
  const contentType = mediaTypeOf(exchange.headers.get("content-type"), object);
  const info = await store.put(keyOf({ bucket, object }), exchange, { contentType });
  // Cannot fail: the limits were checked before the start.
  realtime.publish(
    channelOf(bucket),
    encodeAvailable({
      bucket,
      object_id: object,
      content_type: info.contentType,
      size: info.size,
    }),
  );
  exchange.respond(
    202,
    { "content-type": "application/json", etag: info.etag },
    JSON.stringify({ stored: true, key: info.key }),
  );
}
