import { realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import {
  booleanKey,
  type Clock,
  defineSection,
  describeValue,
  optionError,
  resolveOptions,
  stringKey,
  systemClock,
} from "@king-runtime/core";
import { problemResponse } from "../problem-response.ts";
import { parseRange } from "./byte-ranges.ts";
import { evaluateConditions } from "./conditional-request.ts";
import { contentTypeOf } from "./content-type.ts";
import { openServedFile, type ServedFile, streamFile } from "./served-file.ts";

/** Options of {@link serveFiles}. */
export interface ServeFilesOptions {
  /** The folder; nothing outside it is served. There is no default. */
  root: string;
  /**
   * What paths begin with before the part that names a file, such as `"/assets"`; compared after both were
   * decoded. @default ""
   */
  prefix?: string;
  /** The file that stands for its folder; `""` for none. @default "index.html" */
  index?: string;
  /** `Cache-Control` of files. @default "no-cache" */
  cacheControl?: string;
  /** Content types by the ending of a name, without its dot; added to those that are known. */
  contentTypes?: Readonly<Record<string, string>>;
  /** Whether names that begin with a dot are served. @default false */
  dotFiles?: boolean;
  /** Whether links may lead out of `root`. @default false */
  outsideLinks?: boolean;
  /** @default systemClock */
  clock?: Clock;
}

const serveFilesSection = defineSection("serveFiles", {
  prefix: stringKey({ default: "", doc: "What paths begin with." }),
  index: stringKey({ default: "index.html", doc: "The file that stands for its folder." }),
  cacheControl: stringKey({ default: "no-cache", doc: "Cache-Control of files." }),
  dotFiles: booleanKey({ default: false, doc: "Whether names with a leading dot are served." }),
  outsideLinks: booleanKey({ default: false, doc: "Whether links may lead out of the root." }),
});

/**
 * A Fetch handler for the files of a folder, by GET and HEAD.
 *
 * A path is split, and each segment decoded once. Segments that are empty, begin with a dot, or have a
 * slash, backslash or control character in them name nothing; nor does a link that leads out, or what is
 * no regular file. That, and what does not exist, is answered 404, another method for what does 405 with
 * `Allow`, and a folder without its slash a redirect.
 *
 * Files have an `ETag` of their inode, size and time of change, weak within two seconds of that, and
 * `Last-Modified`. Conditions are evaluated in the order of RFC 9110, section 13.2.2. One range is
 * answered 206, one beyond the end 416; several that do not touch are answered with the whole file.
 * The body streams with backpressure, and its file is closed when it was sent or is wanted no more.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function serveFiles(options: ServeFilesOptions): (request: Request) => Promise<Response> {
  const settings = resolveOptions(serveFilesSection, options, {
    others: ["root", "contentTypes", "clock"],
  });
  const { prefix, index, cacheControl, dotFiles, outsideLinks } = settings;
  const { root, contentTypes = {}, clock = systemClock } = options;
  if (typeof root !== "string" || root === "") {
    throw optionError("root", `expected a folder, got ${describeValue(root)}`);
  }
  const below = prefixSegments(prefix);
  if (/[\\/]/.test(index)) throw optionError("index", "expected a name without a slash");
  const types = new Map(Object.entries(contentTypes));
  for (const [ending, type] of types) {
    if (/^[\x20-\x7e]+$/.test(type)) continue;
    throw optionError(
      `contentTypes.${ending}`,
      `expected a content type, got ${describeValue(type)}`,
    );
  }
  /** The file for these segments, or where to look for it instead. */
  const find = async (segments: readonly string[]) => {
    const folder = await realpath(root); // each time: a deployment may turn a link to another folder
    const isFolder = segments.at(-1) === "";
    if (isFolder && index === "") return undefined;
    const names = isFolder ? [...segments.slice(0, -1), index] : segments;
    const path = join(folder, ...names);
    const file = await openServedFile(folder, path, outsideLinks);
    if (file === undefined) return undefined;
    if (file !== "directory") return { file, name: basename(path) };
    return isFolder || index === "" ? undefined : "redirect";
  };

  return async (request) => {
    const { pathname, search } = new URL(request.url);
    const segments = segmentsOf(pathname, below, dotFiles);
    const found = segments && (await find(segments));
    if (found === undefined) return problemResponse({ status: 404 });
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead) {
      if (found !== "redirect") await found.file.handle.close();
      return problemResponse({ status: 405 }, { allow: "GET, HEAD" });
    }
    if (found === "redirect") {
      // A path without empty segments: it cannot be taken for another host.
      return new Response(null, { status: 301, headers: { location: `${pathname}/${search}` } });
    }
    const headers = {
      "cache-control": cacheControl,
      "content-type": contentTypeOf(found.name, types),
    };
    return respondFile(request, found.file, headers, clock.now());
  };
}

async function respondFile(
  request: Request,
  { handle, facts }: ServedFile,
  fields: Readonly<Record<string, string>>,
  nowMs: number,
): Promise<Response> {
  let isHandedOver = false;
  try {
    const length = Number(facts.size);
    // Never in the future (RFC 9110, section 8.8.2.1).
    const lastModifiedMs = 1_000 * Math.floor(Math.min(Number(facts.mtimeMs), nowMs) / 1_000);
    const etag = etagOf(facts, nowMs);
    const { status, ranges } = evaluateConditions(request, { etag, lastModifiedMs }, nowMs);
    const headers = new Headers({ etag, "last-modified": new Date(lastModifiedMs).toUTCString() });
    if (status === 412) return problemResponse({ status });
    headers.set("cache-control", fields["cache-control"] as string);
    if (status === 304) return new Response(null, { status, headers });
    headers.set("accept-ranges", "bytes");
    headers.set("x-content-type-options", "nosniff");
    const range = ranges ? parseRange(request.headers.get("range") ?? "", length) : undefined;
    if (range === "unsatisfiable") {
      return problemResponse({ status: 416 }, { "content-range": `bytes */${length}` });
    }
    headers.set("content-type", fields["content-type"] as string);
    const span = range ?? { start: 0, end: length - 1 };
    headers.set("content-length", String(span.end + 1 - span.start));
    if (range !== undefined) {
      headers.set("content-range", `bytes ${range.start}-${range.end}/${length}`);
    }
    isHandedOver = request.method === "GET" && length > 0;
    const body = isHandedOver ? streamFile(handle, span) : null;
    return new Response(body, { status: range === undefined ? 200 : 206, headers });
  } finally {
    if (!isHandedOver) await handle.close();
  }
}

/** Weak while a further change could have the same time. */
function etagOf(facts: ServedFile["facts"], nowMs: number): string {
  const { ino, size, mtimeNs, mtimeMs } = facts;
  const tag = `"${ino.toString(36)}-${size.toString(36)}-${mtimeNs.toString(36)}"`;
  return nowMs - Number(mtimeMs) < 2_000 ? `W/${tag}` : tag;
}

/** @throws {KingError} KING_OPTION_INVALID */
function prefixSegments(prefix: string): readonly string[] {
  if (prefix === "") return [];
  const segments = /^(\/[^/?#\\\p{Cc}]+)+$/u.test(prefix) ? decoded(prefix) : undefined;
  if (segments === undefined || segments.includes(".") || segments.includes("..")) {
    throw optionError("prefix", `expected "" or "/path", got ${describeValue(prefix)}`);
  }
  return segments;
}

/** The segments of a path; `undefined` for an encoding that is none. */
function decoded(path: string): string[] | undefined {
  try {
    return path.slice(1).split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** The names in a path below the segments of a prefix, decoded; the last is empty for a folder. */
function segmentsOf(
  pathname: string,
  below: readonly string[],
  dotFiles: boolean,
): string[] | undefined {
  const all = decoded(pathname);
  if (all === undefined || all.length <= below.length) return undefined;
  if (below.some((segment, at) => all[at] !== segment)) return undefined;
  const segments = all.slice(below.length);
  for (const [at, segment] of segments.entries()) {
    if (segment === "" && at < segments.length - 1) return undefined;
    if (/[/\\\p{Cc}]/u.test(segment) || segment === "." || segment === "..") return undefined;
    if (!dotFiles && segment.startsWith(".")) return undefined;
  }
  return segments;
}
