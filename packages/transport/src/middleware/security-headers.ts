import {
  booleanKey,
  defineSection,
  describeValue,
  enumKey,
  integerKey,
  optionError,
  resolveOptions,
} from "@king-runtime/core";
import { type Middleware, withFields } from "./middleware.ts";

/** Options of {@link securityHeaders}. */
export interface SecurityHeadersOptions {
  /**
   * `Content-Security-Policy`; `false` sends none.
   * @default "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
   */
  contentSecurityPolicy?: string | false;
  /** `Strict-Transport-Security`, in seconds, on https alone; 0 sends none. @default 31_536_000 */
  hstsSeconds?: number;
  /** Whether it holds for subdomains too. @default false */
  hstsSubdomains?: boolean;
  /** `Referrer-Policy`. @default "no-referrer" */
  referrerPolicy?: ReferrerPolicyName;
  /** `Cross-Origin-Opener-Policy`. @default "same-origin" */
  openerPolicy?: "same-origin" | "same-origin-allow-popups" | "unsafe-none";
  /** `Cross-Origin-Resource-Policy`. @default "same-origin" */
  resourcePolicy?: "same-origin" | "same-site" | "cross-origin";
}

type ReferrerPolicyName =
  | "no-referrer"
  | "same-origin"
  | "strict-origin"
  | "strict-origin-when-cross-origin";

const securityHeadersSection = defineSection("securityHeaders", {
  hstsSeconds: integerKey({
    default: 31_536_000,
    max: 63_072_000,
    unit: "s",
    doc: "How long a browser insists on https.",
  }),
  hstsSubdomains: booleanKey({ default: false, doc: "Whether it insists for subdomains too." }),
  referrerPolicy: enumKey({
    values: ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"],
    default: "no-referrer",
    doc: "What a browser tells of the page that a request came from.",
  }),
  openerPolicy: enumKey({
    values: ["same-origin", "same-origin-allow-popups", "unsafe-none"],
    default: "same-origin",
    doc: "Whether pages of other origins share a window's group.",
  }),
  resourcePolicy: enumKey({
    values: ["same-origin", "same-site", "cross-origin"],
    default: "same-origin",
    doc: "Whose pages may embed responses.",
  }),
});

const defaultPolicy =
  "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/**
 * Adds fields by which browsers restrict what a page may do and who may embed it, where the handler did
 * not set them itself: `Content-Security-Policy`, `X-Frame-Options` where that forbids frames,
 * `X-Content-Type-Options: nosniff`, `Referrer-Policy`, `Cross-Origin-Opener-Policy`,
 * `Cross-Origin-Resource-Policy`, and on https `Strict-Transport-Security`. Takes `X-Powered-By` off.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function securityHeaders(options: SecurityHeadersOptions = {}): Middleware {
  const { hstsSeconds, hstsSubdomains, referrerPolicy, openerPolicy, resourcePolicy } =
    resolveOptions(securityHeadersSection, options, { others: ["contentSecurityPolicy"] });
  const { contentSecurityPolicy: policy = defaultPolicy } = options;
  if (policy !== false && (typeof policy !== "string" || !/^[\x20-\x7e]+$/.test(policy))) {
    const got = describeValue(policy);
    throw optionError(
      "contentSecurityPolicy",
      `expected a policy on one line, or false, got ${got}`,
    );
  }
  const fields: [name: string, value: string][] = [
    ["x-content-type-options", "nosniff"],
    ["referrer-policy", referrerPolicy],
    ["cross-origin-opener-policy", openerPolicy],
    ["cross-origin-resource-policy", resourcePolicy],
  ];
  if (policy !== false) {
    fields.push(["content-security-policy", policy]);
    // For browsers that do not know frame-ancestors; the others pass it over.
    if (/frame-ancestors 'none'/.test(policy)) fields.push(["x-frame-options", "DENY"]);
    if (/frame-ancestors 'self'\s*(;|$)/.test(policy))
      fields.push(["x-frame-options", "SAMEORIGIN"]);
  }
  const hsts = `max-age=${hstsSeconds}${hstsSubdomains ? "; includeSubDomains" : ""}`;
  return (handler) =>
    async (request, ...rest) =>
      withFields(await handler(request, ...rest), (headers) => {
        headers.delete("x-powered-by");
        for (const [name, value] of fields) if (!headers.has(name)) headers.set(name, value);
        const secure = request.url.startsWith("https:");
        // Without TLS a browser has to pass it over (RFC 6797, section 7.2).
        if (!secure || hstsSeconds === 0) return;
        if (!headers.has("strict-transport-security")) {
          headers.set("strict-transport-security", hsts);
        }
      });
}
