import {
  defineSection,
  describeValue,
  optionError,
  resolveOptions,
  stringKey,
} from "@king-runtime/core";
import { problemResponse } from "../problem-response.ts";
import { setIdentity } from "./identity.ts";
import type { Middleware } from "./middleware.ts";
import { checkRealm, quoted } from "./quoted-string.ts";
import { sameSecret } from "./same-secret.ts";

/** What a client gave as its name and password. */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/** Says who has these credentials; `undefined`, `false` or `null` when nobody. */
export type VerifyBasic = (credentials: BasicCredentials, request: Request) => unknown;

/** Options of {@link basicAuth}. */
export interface BasicAuthOptions {
  /**
   * What it gives is found by `identityOf(request)`. Take the same time for users that are known and
   * not; `matchUsers` does.
   */
  verify: VerifyBasic;
  /** What the client is asked for, printable ASCII. @default "restricted" */
  realm?: string;
}

const basicAuthSection = defineSection("basicAuth", {
  realm: stringKey({ default: "restricted", doc: "What the client is asked for." }),
});

/**
 * Asks for a user's name and password (RFC 7617) in UTF-8, and hands on only requests whose credentials
 * `verify` knows: others are answered 401. For https alone: they travel as they are.
 *
 * @throws {KingError} KING_OPTION_INVALID
 */
export function basicAuth(options: BasicAuthOptions): Middleware {
  const { realm } = resolveOptions(basicAuthSection, options, { others: ["verify"] });
  checkRealm(realm);
  const { verify } = options;
  if (typeof verify !== "function") {
    throw optionError("verify", `expected a function, got ${describeValue(verify)}`);
  }
  const challenge = { "www-authenticate": `Basic realm=${quoted(realm)}, charset="UTF-8"` };
  return (handler) =>
    async (request, ...rest) => {
      const credentials = readBasicCredentials(request.headers.get("authorization"));
      const identity = credentials === undefined ? undefined : await verify(credentials, request);
      if (identity === undefined || identity === null || identity === false) {
        await request.body?.cancel();
        return problemResponse({ status: 401 }, challenge);
      }
      setIdentity(request, identity);
      return handler(request, ...rest);
    };
}

/**
 * A `verify` for a few users with their passwords; the identity is the user's name. An unknown user
 * takes the time of a known one.
 */
export function matchUsers(passwords: Readonly<Record<string, string>>): VerifyBasic {
  const known = new Map(Object.entries(passwords));
  for (const [user, password] of known) {
    if (typeof password !== "string" || password === "") {
      throw optionError(`passwords[${JSON.stringify(user)}]`, "expected a password");
    }
    if (user.includes(":")) throw optionError("passwords", "expected no colon in a user's name");
  }
  const nobodys = crypto.randomUUID();
  return ({ user, password }) => {
    const isSame = sameSecret(password, known.get(user) ?? nobodys);
    return isSame && known.has(user) ? user : undefined;
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The credentials of an `Authorization` field; `undefined` where there are none, or malformed ones. */
export function readBasicCredentials(authorization: string | null): BasicCredentials | undefined {
  const match = /^basic +([A-Za-z\d+/]+={0,2})$/i.exec(authorization ?? "");
  if (match === null) return undefined;
  const encoded = match[1] as string;
  const bytes = Buffer.from(encoded, "base64");
  // Node passes over what is not base64; another text for the same bytes is not one (RFC 4648, section 3).
  if (bytes.toString("base64") !== encoded.padEnd(Math.ceil(encoded.length / 4) * 4, "=")) {
    return undefined;
  }
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return undefined;
  }
  const at = text.indexOf(":");
  if (at === -1 || /\p{Cc}/u.test(text)) return undefined; // RFC 7617, section 2
  return { user: text.slice(0, at), password: text.slice(at + 1) };
}
