import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Exchange } from "@king-runtime/core";

/** The page as it is served. */
export interface Page {
  readonly html: string;
  /** Allows the page's own script and style by their digests, its own origin, and nothing else. */
  readonly policy: string;
}

/** Reads `page.html` beside this file. */
export function readPage(): Page {
  const html = readFileSync(new URL("page.html", import.meta.url), "utf8");
  const policy = [
    "default-src 'none'",
    `script-src ${digests(html, "script")}`,
    `style-src ${digests(html, "style")}`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, policy };
}

/** `GET /` */
export function servePage(exchange: Exchange, page: Page): void {
  exchange.respond(
    200,
    {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": page.policy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    },
    page.html,
  );
}

/** Digests of the inline elements of one kind, as a source list. */
function digests(html: string, element: "script" | "style"): string {
  const inline = html.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, "gs"));
  return [...inline]
    .map(([, text = ""]) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`)
    .join(" ");
}
