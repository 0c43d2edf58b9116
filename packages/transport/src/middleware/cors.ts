import {
  booleanKey,
  defineSection,
  describeValue,
  integerKey,
  listKey,
  optionError,
  resolveOptions,
} from "@king-runtime/core";
import { token } from "../token.ts";
import { addVary, type Middleware, withFields } from "./middleware.ts";

/** Options of {@link cors}. */
export interface CorsOptions {
  /**
   * Whose pages may read responses: exact origins such as `"https://app.example"`, a predicate, or
   * `"*"` for anybody's. There is no default.
   */
  origins: "*" | readonly string[] | ((origin: string) => boolean);
  /** Methods that a page may use. @default ["GET", "HEAD", "POST"] */
  methods?: readonly string[];
  /** Request fields that a page may send beside the safelisted ones. @default [] */
  allowHeaders?: readonly string[];
  /** Response fields that a page may read beside the safelisted ones. @default [] */
  exposeHeaders?: readonly string[];
  /** Whether requests may carry cookies and certificates; not with `"*"`. @default false */
  credentials?: boolean;
  /** How long a browser may remember the answer to a preflight, in seconds. @default 600 */
  maxAgeSeconds?: number;
}

const corsSection = defineSection("cors", {
  methods: listKey({ default: ["GET", "HEAD", "POST"], doc: "Methods that a page may use." }),
  allowHeaders: listKey({ default: [], doc: "Request fields that a page may send." }),
  exposeHeaders: listKey({ default: [], doc: "Response fields that a page may read." }),
  credentials: booleanKey({ default: false, doc: "Whether requests may carry cookies." }),
  maxAgeSeconds: integerKey({ default: 600, max: 86_400, doc: "Life of a preflight's answer." }),
});

/**
 * Lets pages of other origins read responses, and answers their preflights with 204 (Fetch standard,
 * CORS protocol). An origin that is not allowed gets no CORS fields, so that its browser refuses; a
 * request without `Origin` is served as ever. `Vary: Origin` is always there, unless anybody may read: then
 * every response says so, also one to a request without `Origin`, which a cache may keep for others.
 * Requests into private networks are not allowed. This is no access control: only browsers ask.
 *
 * @throws {KingError} KING_OPTION_INVALID, also for `credentials` with `"*"`, for `"null"`, and for
 * origins that are not as browsers send them.
 */
export function cors(options: CorsOptions): Middleware {
  const { methods, allowHeaders, exposeHeaders, credentials, maxAgeSeconds } = resolveOptions(
    corsSection,
    options,
    { others: ["origins"] },
  );
  for (const [name, list] of Object.entries({ methods, allowHeaders, exposeHeaders })) {
    const wrong = list.find((each) => !token.test(each) || each === "*");
    if (wrong !== undefined) throw optionError(name, `expected names, got ${describeValue(wrong)}`);
  }
  const isAllowed = originCheck(options.origins);
  const anybody = options.origins === "*";
  if (anybody && credentials) {
    throw optionError("credentials", 'expected false where origins is "*"');
  }
  const share = (headers: Headers, origin: string) => {
    headers.set("access-control-allow-origin", origin);
    if (credentials) headers.set("access-control-allow-credentials", "true");
  };
  const permit = (headers: Headers) => {
    headers.set("access-control-allow-methods", methods.join(", "));
    if (allowHeaders.length > 0) {
      headers.set("access-control-allow-headers", allowHeaders.join(", "));
    }
    headers.set("access-control-max-age", String(maxAgeSeconds));
  };

  return (handler) =>
    async (request, ...rest) => {
      const origin = request.headers.get("origin");
      // Where anybody may read, everybody is told so, for caches hand the response on without asking again
      // (Fetch standard, CORS protocol and HTTP caches).
      const named = origin !== null && isAllowed(origin) ? origin : undefined;
      const allowed = anybody ? "*" : named;
      if (isPreflight(request)) {
        const headers = new Headers();
        if (allowed !== undefined) {
          share(headers, allowed);
          permit(headers);
        }
        addVary(headers, "access-control-request-method", "access-control-request-headers");
        if (!anybody) addVary(headers, "origin");
        return new Response(null, { status: 204, headers });
      }
      return withFields(await handler(request, ...rest), (headers) => {
        // What the handler says itself would be said twice, or to the wrong ones.
        for (const name of sharedFields) headers.delete(name);
        if (!anybody) addVary(headers, "origin");
        if (allowed === undefined) return;
        share(headers, allowed);
        if (exposeHeaders.length > 0) {
          headers.set("access-control-expose-headers", exposeHeaders.join(", "));
        }
      });
    };
}

const sharedFields = [
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-private-network",
  "access-control-expose-headers",
  "access-control-max-age",
] as const;

// Fetch standard, section 3.2.2: CORS-preflight request.
const isPreflight = ({ method, headers }: Request) =>
  method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method");

function originCheck(origins: CorsOptions["origins"]): (origin: string) => boolean {
  if (origins === "*") return () => true;
  if (typeof origins === "function") return (origin) => origins(origin) === true;
  if (!Array.isArray(origins)) {
    throw optionError(
      "origins",
      `expected "*", a list or a function, got ${describeValue(origins)}`,
    );
  }
  for (const each of origins) {
    // As browsers send it (RFC 6454, section 6.2): anything else would never match.
    const isOrigin = URL.canParse(each) && new URL(each).origin === each && each !== "null";
    if (!isOrigin) {
      const expected = 'origins such as "https://app.example"';
      throw optionError("origins", `expected ${expected}, got ${describeValue(each)}`);
    }
  }
  const known = new Set<string>(origins);
  return (origin) => known.has(origin);
}
