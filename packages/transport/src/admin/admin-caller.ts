import {
  type Clock,
  describeValue,
  type Exchange,
  optionError,
  type PeerCertificate,
} from "@king-runtime/core";
import { bearerAuth } from "../middleware/bearer-auth.ts";
import type { Middleware } from "../middleware/middleware.ts";
import { sameSecret } from "../middleware/same-secret.ts";
import { problemResponse } from "../problem-response.ts";
import { checkNames } from "./check-names.ts";

/** Who may use the admin API. Where both members are given, both are asked for. */
export interface AdminAuth {
  /**
   * A secret of 32 characters or more, to be sent as `Authorization: Bearer` (RFC 6750), of which it may have the
   * characters: letters, digits, `-._~+/`, and `=` at its end.
   */
  readonly token?: string;
  /**
   * Asks for a certificate that the listener verified. `true` takes any of its `clientCa`; an object those
   * that it lists alone, by fingerprint or by subject.
   */
  readonly clientCertificates?: true | AdminClientCertificates;
}

/** Which of the certificates that a listener verified may use the admin API. */
export interface AdminClientCertificates {
  /** SHA-256 of whole certificates in hexadecimal, with or without colons. */
  readonly fingerprints256?: readonly string[];
  /** Whole subjects as `session.tls.peerCertificate` has them: a line for each attribute. */
  readonly subjects?: readonly string[];
}

/** Who uses the admin API. */
export interface AdminCaller {
  /** Whether the token was shown. */
  readonly token: boolean;
  /** The certificate that was shown, whether or not it was asked for. */
  readonly certificate?: Pick<PeerCertificate, "subject" | "fingerprint256">;
}

/** Finds out who sends a request, and has it served by `admit`, or refuses it. */
export type AdminAuthentication = (
  request: Request,
  exchange: Exchange | undefined,
  admit: (caller: AdminCaller) => Promise<Response>,
) => Promise<{ admitted: boolean; response: Response }>;

const shortestToken = 32;

/** @throws {KingError} KING_OPTION_INVALID */
export function adminAuthentication(auth: AdminAuth, clock: Clock): AdminAuthentication {
  if (typeof auth !== "object" || auth === null) {
    throw optionError(
      "auth",
      `expected an object with token or clientCertificates, got ${describeValue(auth)}`,
    );
  }
  checkNames(auth, "auth", ["token", "clientCertificates"]);
  const { token, clientCertificates } = auth;
  if (token === undefined && clientCertificates === undefined) {
    throw optionError("auth", "expected token or clientCertificates, got neither");
  }
  const guard = token === undefined ? undefined : tokenGuard(token);
  const isAllowed =
    clientCertificates === undefined ? () => true : certificateCheck(clientCertificates, clock);
  return async (request, exchange, admit) => {
    const shown = exchange?.session.tls?.peerCertificate;
    let admitted = false;
    if (!isAllowed(shown)) {
      await request.body?.cancel();
      return { admitted, response: problemResponse({ status: 403 }) };
    }
    const caller: AdminCaller = {
      token: guard !== undefined,
      ...(shown === undefined
        ? {}
        : { certificate: { subject: shown.subject, fingerprint256: shown.fingerprint256 } }),
    };
    const enter = () => {
      admitted = true;
      return admit(caller);
    };
    const response = await (guard === undefined ? enter() : guard(enter)(request));
    return { admitted, response };
  };
}

function tokenGuard(token: unknown): Middleware {
  // Neither the token nor its length is anybody's business.
  if (typeof token !== "string" || token.length < shortestToken) {
    throw optionError("auth.token", `expected ${shortestToken} characters or more`);
  }
  if (!/^[\w.~+/-]+=*$/.test(token)) {
    throw optionError(
      "auth.token",
      "expected letters, digits, -._~+/ and = at its end (RFC 6750, section 2.1)",
    );
  }
  return bearerAuth({ realm: "admin", verify: (given) => sameSecret(given, token) });
}

function certificateCheck(
  allowed: unknown,
  clock: Clock,
): (shown: PeerCertificate | undefined) => boolean {
  // A connection may outlast the certificate that it was made with.
  const isValid = (shown: PeerCertificate | undefined): shown is PeerCertificate =>
    shown !== undefined && shown.validFrom <= clock.now() && clock.now() <= shown.validTo;
  if (allowed === true) return isValid;
  const option = "auth.clientCertificates";
  if (typeof allowed !== "object" || allowed === null) {
    throw optionError(option, `expected true or an object, got ${describeValue(allowed)}`);
  }
  checkNames(allowed, option, ["fingerprints256", "subjects"]);
  const { fingerprints256 = [], subjects = [] } = allowed as AdminClientCertificates;
  const fingerprints = new Set(textsOf(fingerprints256, `${option}.fingerprints256`).map(plainHex));
  for (const each of fingerprints) {
    if (/^[\dA-F]{64}$/.test(each)) continue;
    throw optionError(`${option}.fingerprints256`, "expected SHA-256 in hexadecimal");
  }
  const known = new Set(textsOf(subjects, `${option}.subjects`));
  if (fingerprints.size + known.size === 0) {
    throw optionError(option, "expected fingerprints256 or subjects, got none");
  }
  return (shown) =>
    isValid(shown) &&
    (fingerprints.has(plainHex(shown.fingerprint256)) || known.has(shown.subject));
}

const plainHex = (text: string) => text.replaceAll(":", "").toUpperCase();

function textsOf(list: unknown, option: string): readonly string[] {
  const isList =
    Array.isArray(list) && list.every((each) => typeof each === "string" && each !== "");
  if (!isList) throw optionError(option, "expected a list of strings");
  return list;
}
