import {
  type Clock,
  defineSection,
  describeValue,
  type HeaderFields,
  integerKey,
  listKey,
  optionError,
  resolveOptions,
} from "@king-runtime/core";
import { token } from "../../token.ts";
import type { IncomingResponse } from "../incoming-response.ts";
import { originOf, targetOf } from "../prepare-request.ts";
import type { PreparedRequest } from "../prepared-request.ts";
import type { Send } from "../send.ts";
import { discardResponse } from "./discard-response.ts";
import { redirectError, redirectTarget } from "./redirect-target.ts";
import { isRepeatableRequest } from "./repeatable-request.ts";

/** How redirects are followed. */
export interface RedirectOptions {
  /** Redirects of one request, 0 to 100. One more fails with KING_HTTP_REDIRECT. @default 5 */
  max?: number;
  /**
   * Fields that are not sent to another origin, besides `authorization`, `cookie` and `proxy-authorization`; case
   * does not count. @default none
   */
  secretHeaders?: readonly string[];
}

/** {@link RedirectOptions}, looked at. */
export interface RedirectPolicy {
  readonly max: number;
  /** In lower case, those that are always secret included. */
  readonly secretHeaders: ReadonlySet<string>;
}

const redirectsSection = defineSection("redirects", {
  max: integerKey({ default: 5, max: 100, doc: "Redirects of one request." }),
  secretHeaders: listKey({ default: [], doc: "Fields that stay with their origin." }),
});

/** @throws {KingError} KING_OPTION_INVALID */
export function redirectPolicy(options: RedirectOptions = {}): RedirectPolicy {
  const { max, secretHeaders } = resolveOptions(redirectsSection, options);
  const wrong = secretHeaders.find((each) => !token.test(each));
  if (wrong !== undefined) {
    throw optionError("secretHeaders", `expected names of fields, got ${describeValue(wrong)}`);
  }
  const names = secretHeaders.map((each) => each.toLowerCase());
  return { max, secretHeaders: new Set([...alwaysSecret, ...names]) };
}

const alwaysSecret = ["authorization", "cookie", "proxy-authorization"];

/**
 * Follows redirects (RFC 9110, section 15.4): 301, 302, 303, 307 and 308. A 303 is followed with GET, or HEAD after
 * HEAD, and so is a POST after 301 and 302; what speaks of the body goes then with it. Otherwise the request is
 * repeated, with its body. Each hop is a request of its own to what is inside; `timeoutMs` is for all together.
 *
 * To another origin no secrets go, and never from https: to http:. What is not followed fails with
 * KING_HTTP_REDIRECT; `details.reason` says why.
 */
export function followRedirects(
  send: Send,
  { max, secretHeaders }: RedirectPolicy,
  { clock }: { readonly clock: Clock },
): Send {
  return async (first) => {
    const seen = new Set<string>();
    let request = first;
    for (let redirects = 0; ; redirects++) {
      const response = await send(request);
      if (!followed.has(response.status)) {
        response.redirects = redirects;
        return response;
      }
      seen.add(identityOf(request));
      try {
        if (redirects >= max) throw redirectError("limit", `expected at most ${max}, got another`);
        const next = requestAfter(response, request, secretHeaders);
        if (seen.has(identityOf(next)))
          throw redirectError("loop", "expected another URL each time");
        request = next;
      } finally {
        discardResponse(response, clock);
      }
    }
  };
}

const followed: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

const identityOf = ({ method, origin, path }: PreparedRequest) => `${method} ${origin.text}${path}`;

/** The request that `response` to `request` asks for. */
function requestAfter(
  { status, headers }: IncomingResponse,
  request: PreparedRequest,
  secretHeaders: ReadonlySet<string>,
): PreparedRequest {
  const url = redirectTarget(headers, request.url);
  const origin = originOf(url);
  const { method } = request;
  const dropsBody = status === 303 || (method === "POST" && (status === 301 || status === 302));
  if (!dropsBody && !isRepeatableRequest(request)) {
    throw redirectError("body", `expected a body that can be sent again to repeat ${method}`);
  }
  const isElsewhere = origin.text !== request.origin.text;
  const isDropped = (name: string) =>
    (dropsBody && isAboutBody(name)) ||
    (isElsewhere && (secretHeaders.has(name) || name === "host"));
  const { trailers } = request;
  const next = {
    ...request,
    url,
    origin,
    path: targetOf(url, origin),
    headers: without(request.headers, isDropped),
    trailers:
      typeof trailers === "function"
        ? () => without(trailers(), isDropped)
        : trailers && without(trailers, isDropped),
  };
  if (!dropsBody) return next;
  return {
    ...next,
    ...(method === "HEAD" || method === "GET" ? {} : { method: "GET", idempotent: true }),
    body: undefined,
    isOpen: false,
    expectContinue: false,
    trailers: undefined,
  };
}

/** Whether a field tells of the body that is not sent any more. */
const isAboutBody = (name: string): boolean =>
  name.startsWith("content-") || name === "last-modified" || digests.has(name);

/** RFC 9530, and what was before it. */
const digests: ReadonlySet<string> = new Set(["repr-digest", "unencoded-digest", "digest"]);

function without(headers: HeaderFields, isDropped: (name: string) => boolean): HeaderFields {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !isDropped(name.toLowerCase())),
  );
}
