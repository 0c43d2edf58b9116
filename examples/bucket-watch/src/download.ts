import type { BlobInfo, BlobStore, Exchange, GetBlobOptions, OpenBlob } from "@king-runtime/core";
import { matchesEtag } from "./conditional.ts";
import { safeContentFields } from "./media-type.ts";
import { keyOf, type ObjectName } from "./object-name.ts";
import { parseRange } from "./range-header.ts";
import { RequestFault } from "./request-fault.ts";

/** `GET` or `HEAD /objects/{bucket}/{object}`: the object, or a part of it. */
export async function download(
  exchange: Exchange,
  store: BlobStore,
  name: ObjectName,
): Promise<void> {
  if (exchange.method === "HEAD") {
    const info = await store.head(keyOf(name));
    if (info === undefined) throw missing();
    if (isUnchanged(exchange, info)) return notModified(exchange, info);
    exchange.respond(200, { ...fieldsOf(info, name), "content-length": String(info.size) }, "");
    return;
  }
  const { blob: opened, isPart } = await open(exchange, store, keyOf(name));
  await using blob = opened;
  const { info, start, length } = blob;
  if (isUnchanged(exchange, info)) return notModified(exchange, info);
  const fields = { ...fieldsOf(info, name), "content-length": String(length) };
  if (!isPart) exchange.respond(200, fields);
  else {
    const contentRange = `bytes ${start}-${start + length - 1}/${info.size}`;
    exchange.respond(206, { ...fields, "content-range": contentRange });
  }
  for await (const chunk of blob.body) await exchange.write(chunk, { transfer: true });
  await exchange.end();
}

/** Opens what is asked for: conditions come before the range (RFC 9110, section 13.2.2). */
async function open(
  exchange: Exchange,
  store: BlobStore,
  key: string,
): Promise<{ readonly blob: OpenBlob; readonly isPart: boolean }> {
  const { headers } = exchange;
  const range = parseRange(headers.get("range"));
  if (range !== undefined) {
    const isConditional = headers.has("if-none-match") || headers.has("if-range");
    const info = isConditional ? await store.head(key) : undefined;
    if (info === undefined || isRangeDue(exchange, info)) {
      const blob = await get(store, key, { range });
      if (isRangeDue(exchange, blob.info)) return { blob, isPart: true };
      // Replaced since it was looked at.
      await blob[Symbol.asyncDispose]();
    }
  }
  return { blob: await get(store, key), isPart: false };
}

/** Whether nothing keeps a range from being given; parts of other versions do not fit together. */
function isRangeDue(exchange: Exchange, info: BlobInfo): boolean {
  const ifRange = exchange.headers.get("if-range");
  return !isUnchanged(exchange, info) && (ifRange === undefined || ifRange === info.etag);
}

async function get(store: BlobStore, key: string, options?: GetBlobOptions): Promise<OpenBlob> {
  const blob = await store.get(key, options);
  if (blob === undefined) throw missing();
  return blob;
}

function missing(): RequestFault {
  return new RequestFault(404, "there is no such object");
}

function isUnchanged({ headers }: Exchange, info: BlobInfo): boolean {
  return matchesEtag(headers.get("if-none-match"), info.etag);
}

function notModified(exchange: Exchange, info: BlobInfo): void {
  exchange.respond(304, cacheFields(info), "");
}

function cacheFields(info: BlobInfo): Record<string, string> {
  // An object may be replaced at any time: whoever keeps a copy asks again.
  return { etag: info.etag, "cache-control": "no-cache" };
}

function fieldsOf(info: BlobInfo, { object }: ObjectName): Record<string, string> {
  return {
    ...safeContentFields(info.contentType, object),
    ...cacheFields(info),
    "accept-ranges": "bytes",
    "last-modified": new Date(info.modifiedAt).toUTCString(),
  };
}
