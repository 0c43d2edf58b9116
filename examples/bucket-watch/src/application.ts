import type { BlobStore, Exchange, ExchangeHandler } from "@king-runtime/core";
import type { Realtime } from "@king-runtime/realtime";
import { download } from "./download.ts";
import { listing } from "./listing.ts";
import { checkBucket, checkName } from "./object-name.ts";
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
  /** Whether requests for that authority are answered; others get 421. @default any */
  readonly answersTo?: (authority: string) => boolean;
}

/** Bucket-watch without a listener: mount it on any. */
export function createApplication(options: CreateApplicationOptions): ExchangeHandler {
  const { store, realtime, answersTo = () => true } = options;
  const page = readPage();

  const route = (exchange: Exchange): void | Promise<void> => {
    const { path, authority } = exchange;
    if (!answersTo(authority)) {
      const host = JSON.stringify(authority.slice(0, 255));
      throw new RequestFault(421, `expected a host among bucketWatch.allowedHosts, got ${host}`);
    }
    if (path === "/upload") {
      allow(exchange, "POST");
      return upload(exchange, store, realtime);
    }
    if (path === "/watch") {
      // A WebSocket on HTTP/2 is opened with CONNECT (RFC 8441).
      if (exchange.upgrade === undefined) allow(exchange, "GET");
      return watch(exchange, realtime);
    }
    allow(exchange, "GET", "HEAD");
    if (path === "/") return servePage(exchange, page);
    const [bucket, object] = objectPath(path) ?? [];
    if (bucket === undefined) throw new RequestFault(404, "there is nothing here");
    if (object === undefined) return listing(exchange, store, checkBucket(bucket));
    return download(exchange, store, checkName({ bucket, object }));
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
  throw new RequestFault(405, `expected ${methods.join(" or ")}, got ${exchange.method}`, {
    allow: methods.join(", "),
  });
}
