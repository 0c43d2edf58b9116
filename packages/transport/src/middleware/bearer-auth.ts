import {
  defineSection,
  describeValue,
  listKey,
  optionError,
  resolveOptions,
  stringKey,
} from "@king-runtime/core";
import { problemResponse } from "../problem-response.ts";
import { setIdentity } from "./identity.ts";
import type { Middleware } from "./middleware.ts";
import { checkRealm, quoted } from "./quoted-string.ts";

/** Options of {@link bearerAuth}. */
export interface BearerAuthOptions<Identity = unknown> {
  /**
   * Says whose token it is; `undefined`, `false` or `null` when it is nobody's, or expired. What it gives
   * is found by `identityOf(request)`. Compare secrets with `sameSecret`.
   */
  verify: (token: string, request: Request) => Identity | Promise<Identity>;
  /** What the client is asked for, printable ASCII. @default "restricted" */
  realm?: string;
  /** Scopes that a token has to have, all of them. @default [] */
  scopes?: readonly string[];
  /** The scopes of whom `verify` gave; to be given with `scopes`. */
  scopesOf?: (identity: NonNullable<Awaited<Identity>>) => Iterable<string>;
}

const bearerAuthSection = defineSection("bearerAuth", {
  realm: stringKey({ default: "restricted", doc: "What the client is asked for." }),
  scopes: listKey({ default: [], doc: "Scopes that a token has to have." }),
});

/**
 * Asks for a bearer token in `Authorization` (RFC 6750), and hands on only requests whose token `verify`
 * knows. Others are answered by section 3.1: 401 without an error code when there is no token, 400
 * `invalid_request` for one that is malformed, 401 `invalid_token`, and 403 `insufficient_scope`. For
 * https alone: whoever reads the token has it.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function bearerAuth<Identity>(options: BearerAuthOptions<Identity>): Middleware {
  const { realm, scopes } = resolveOptions(bearerAuthSection, options, {
    others: ["verify", "scopesOf"],
  });
  checkRealm(realm);
  const { verify, scopesOf } = options;
  if (typeof verify !== "function") {
    throw optionError("verify", `expected a function, got ${describeValue(verify)}`);
  }
  // RFC 6749, section 3.3.
  const wrong = scopes.find((each) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(each));
  if (wrong !== undefined)
    throw optionError("scopes", `expected names, got ${describeValue(wrong)}`);
  if (scopes.length > 0 ? typeof scopesOf !== "function" : scopesOf !== undefined) {
    throw optionError("scopesOf", "expected a function where scopes are asked for, and only there");
  }
  const refuse = async (request: Request, status: 400 | 401 | 403, error?: string) => {
    await request.body?.cancel();
    const params = [`realm=${quoted(realm)}`];
    if (error !== undefined) params.push(`error="${error}"`);
    if (status === 403) params.push(`scope="${scopes.join(" ")}"`);
    return problemResponse({ status }, { "www-authenticate": `Bearer ${params.join(", ")}` });
  };
  return (handler) =>
    async (request, ...rest) => {
      const field = request.headers.get("authorization");
      if (field === null || !/^bearer($|[\s,])/i.test(field)) return refuse(request, 401);
      const token = /^bearer +([\w.~+/-]+=*)$/i.exec(field)?.[1];
      if (token === undefined) return refuse(request, 400, "invalid_request");
      const identity = await verify(token, request);
      if (identity === undefined || identity === null || identity === false) {
        return refuse(request, 401, "invalid_token");
      }
      if (scopesOf !== undefined) {
        const granted = new Set(scopesOf(identity));
        if (scopes.some((each) => !granted.has(each))) {
          return refuse(request, 403, "insufficient_scope");
        }
      }
      setIdentity(request, identity);
      return handler(request, ...rest);
    };
}
