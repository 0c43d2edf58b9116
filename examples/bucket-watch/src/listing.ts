import type { BlobStore, Exchange } from "@king-runtime/core";
import { parseQuery } from "./query.ts";
import { RequestFault } from "./request-fault.ts";

const largestPage = 1_000;

/** One entry of a listing. */
export interface ListedObject {
  readonly object_id: string;
  readonly content_type: string;
  /** In bytes. */
  readonly size: number;
  readonly etag: string;
  /** Milliseconds since the Unix epoch. */
  readonly modified_at: number;
}

/** `GET /objects/{bucket}?limit=&cursor=`: the objects of a bucket in the order of their names. */
export async function listing(exchange: Exchange, store: BlobStore, bucket: string): Promise<void> {
  const query = parseQuery(exchange.query);
  const limit = Number(query.get("limit") ?? largestPage);
  if (!Number.isInteger(limit) || limit < 1 || limit > largestPage)
    throw new RequestFault(400, `limit: expected an integer from 1 to ${largestPage}`);
  const cursor = query.get("cursor");
  const prefix = `${bucket}/`;
  const page = await store.list({ prefix, limit, ...(cursor !== undefined && { cursor }) });
  const objects = page.items.map(
    (item): ListedObject => ({
      object_id: item.key.slice(prefix.length),
      content_type: item.contentType,
      size: item.size,
      etag: item.etag,
      modified_at: item.modifiedAt,
    }),
  );
  exchange.respond(
    200,
    { "content-type": "application/json", "cache-control": "no-store" },
    JSON.stringify({ bucket, objects, ...(page.cursor !== undefined && { cursor: page.cursor }) }),
  );
}
