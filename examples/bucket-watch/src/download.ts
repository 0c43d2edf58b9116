import type { BlobInfo, BlobStore, ByteRange, Exchange, OpenBlob } from "@king-runtime/core";
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
  await using blob = await open(exchange, store, keyOf(name));
  if (isUnchanged(exchange, blob.info)) return notModified(exchange, blob.info);
  const { info, start, length } = blob;
  const fields = { ...fieldsOf(info, name), "content-length": String(length) };
  if (length === info.size) exchange.respond(200, fields);
  else {
    const contentRange = `bytes ${start}-${start + length - 1}/${info.size}`;
    exchange.respond(206, { ...fields, "content-range": contentRange });
  }
  for await (const chunk of blob.body) await exchange.write(chunk, { transfer: true });
  await exchange.end();
}

async function open(exchange: Exchange, store: BlobStore, key: string): Promise<OpenBlob> {
  const { headers } = exchange;
  const range = parseRange(headers.get("range"));
  const blob = await openRange(store, key, range);
  // A range of another version than the client has part of would be worth nothing to it.
  const ifRange = headers.get("if-range");
  if (range === undefined || ifRange === undefined || ifRange === blob.info.etag) return blob;
  await blob[Symbol.asyncDispose]();
  return openRange(store, key, undefined);
}

async function openRange(
  store: BlobStore,
  key: string,
  range: ByteRange | undefined,
): Promise<OpenBlob> {
  const blob = await store.get(key, range === undefined ? {} : { range });
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
