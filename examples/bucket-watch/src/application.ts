import type { BlobStore, Exchange, ExchangeHandler } from "@king-runtime/core";
import type { Realtime } from "@king-runtime/realtime";
import { download } from "./download.ts";
import { listing } from "./listing.ts";
import { checkBucket, checkObject } from "./object-name.ts";
import { readPage, servePage } from "./page.ts";
import { respondError } from "./problems.ts";
import { decodeSegment } from "./query.ts";
import { RequestFault } from "./request-fault.ts";
import { upload } from "./upload.ts";
import { watch } from "./watch.ts";

/** What the application works with; both stay the caller's. */
export interface CreateApplicationOptions {
  readonly store: BlobStore;
  readonly realtime: Realtime;
}

/** Bucket-watch without a listener: mount it on any. */
export function createApplication({ store, realtime }: CreateApplicationOptions): ExchangeHandler {
  const page = readPage();

  const route = (exchange: Exchange): void | Promise<void> => {
    const { path } = exchange;
    if (path === "/upload") {
      allow(exchange, "POST");
      return upload(exchange, store, realtime);
    }
    allow(exchange, "GET", "HEAD");
    if (path === "/") return servePage(exchange, page);
    if (path === "/watch") return watch(exchange, realtime);
    const [bucket, object] = objectPath(path) ?? [];
    if (bucket === undefined) throw new RequestFault(404, "there is nothing here");
    if (object === undefined) return listing(exchange, store, checkBucket(bucket));
    return download(exchange, store, { bucket: checkBucket(bucket), object: checkObject(object) });
  };

  return async (exchange) => {
    try {
      await route(exchange);
    } catch (error) {
      respondError(exchange, error);
    }
  };
}

/** `/objects/{bucket}` and `/objects/{bucket}/{object}`; an object may have slashes. */
function objectPath(path: string): [bucket: string, object?: string] | undefined {
  const match = /^\/objects\/([^/]*)(?:\/(.*))?$/s.exec(path);
  if (!match) return undefined;
  const [, bucket = "", object] = match;
  return object === undefined
    ? [decodeSegment(bucket)]
    : [decodeSegment(bucket), decodeSegment(object)];
}

function allow(exchange: Exchange, ...methods: readonly string[]): void {
  if (methods.includes(exchange.method)) return;
  // A WebSocket on HTTP/2 is opened with CONNECT (RFC 8441).
  if (exchange.path === "/watch" && exchange.upgrade !== undefined) return;
  throw new RequestFault(405, `expected ${methods.join(" or ")}, got ${exchange.method}`, {
    allow: methods.join(", "),
  });
}
