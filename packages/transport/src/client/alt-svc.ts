import { type Clock, describeValue, optionError } from "@king-runtime/core";
import { canonicalHost } from "../dial/canonical-host.ts";
import { token } from "../token.ts";
import type { Origin } from "./prepared-request.ts";

/** Where else an origin can be asked, as an `Alt-Svc` field says it (RFC 7838, section 3). */
export interface AltSvcValue {
  /** Name of ALPN (RFC 7301) such as `"h2"` or `"h3"`, one character for a byte. */
  readonly protocol: string;
  /** A name in lower case, or an address without brackets; `undefined` for the origin's own. */
  readonly host: string | undefined;
  readonly port: number;
  /** Seconds that it is good for; 86,400 where the field does not say. */
  readonly maxAgeSeconds: number;
  /** Whether it survives a change of the network. */
  readonly persist: boolean;
}

/** One alternative for an origin. */
export interface Alternative {
  readonly protocol: string;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

const maxFieldLength = 8_192;
const maxAlternatives = 8;
const defaultMaxAgeSeconds = 86_400;
/** Longer lives are taken for this one (RFC 9111, section 1.2.2). */
const longestMaxAgeSeconds = 2 ** 31;

/**
 * Reads the value of an `Alt-Svc` field. A field that is not as RFC 7838 has it is ignored as a whole, and so is one
 * longer than 8 KiB; parameters that are not known are passed over.
 *
 * @returns the first 8 alternatives, best first; `"clear"` where there are to be none any more; `undefined` for a
 * field to be ignored.
 */
export function parseAltSvc(field: string): readonly AltSvcValue[] | "clear" | undefined {
  if (field.length > maxFieldLength) return undefined;
  const text = field.replace(/^[ \t]+|[ \t]+$/g, "");
  if (text === "clear") return text;
  const values: AltSvcValue[] = [];
  for (const element of elementsOf(text) ?? []) {
    const value = parseElement(element);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values.length === 0 ? undefined : values.slice(0, maxAlternatives);
}

type NameAndValue = readonly [name: string, value: string];

/** What is between commas, as pairs: the alternative, then its parameters. */
function elementsOf(text: string): NameAndValue[][] | undefined {
  // Sticky, so that each character is looked at once.
  const pair =
    /([!#$%&'*+.^_`|~\dA-Za-z-]+)=(?:"((?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)"|([!#$%&'*+.^_`|~\dA-Za-z-]+))/y;
  const delimiter = /[ \t]*(?:$|([,;])[ \t]*)/y;
  const elements: NameAndValue[][] = [];
  let element: NameAndValue[] = [];
  for (let at = 0; at < text.length; ) {
    if (element.length === 0) {
      // Empty elements are nothing (RFC 9110, section 5.6.1.2).
      const empty = /[ \t]*,[ \t]*/y;
      empty.lastIndex = at;
      if (empty.test(text)) {
        at = empty.lastIndex;
        continue;
      }
    }
    pair.lastIndex = at;
    const match = pair.exec(text);
    if (match === null) return undefined;
    const [, name = "", quotedValue, plainValue = ""] = match;
    element.push([name, quotedValue?.replace(/\\(.)/gs, "$1") ?? plainValue]);
    delimiter.lastIndex = pair.lastIndex;
    const end = delimiter.exec(text);
    if (end === null) return undefined;
    at = delimiter.lastIndex;
    if (end[1] === ";") {
      if (at === text.length) return undefined;
      continue;
    }
    elements.push(element);
    element = [];
  }
  return elements;
}

function parseElement([alternative, ...parameters]: NameAndValue[]): AltSvcValue | undefined {
  if (alternative === undefined) return undefined;
  const protocol = decodedProtocol(alternative[0]);
  const authority = parseAuthority(alternative[1]);
  const maxAge = parameterOf(parameters, "ma") ?? String(defaultMaxAgeSeconds);
  if (protocol === undefined || authority === undefined || !/^\d+$/.test(maxAge)) return undefined;
  return {
    protocol,
    ...authority,
    maxAgeSeconds: Math.min(longestMaxAgeSeconds, Number(maxAge)),
    persist: parameterOf(parameters, "persist") === "1",
  };
}

const parameterOf = (parameters: readonly NameAndValue[], wanted: string): string | undefined =>
  parameters.find(([name]) => name.toLowerCase() === wanted)?.[1];

/** A name of ALPN has exactly one way to be written (RFC 7838, section 3); anything else is none. */
function decodedProtocol(id: string): string | undefined {
  let protocol = "";
  for (const [part] of id.matchAll(/%[\dA-F]{2}|[^%]|%/g)) {
    if (part === "%") return undefined;
    const byte = part.length === 1 ? part : String.fromCharCode(Number.parseInt(part.slice(1), 16));
    const isPlain = byte !== "%" && token.test(byte);
    if (isPlain !== (part.length === 1)) return undefined;
    protocol += byte;
  }
  return protocol.length > 255 ? undefined : protocol;
}

/** `[uri-host] ":" port` (RFC 3986, section 3.2.2): nothing that could have been written without quotes. */
function parseAuthority(text: string): Pick<AltSvcValue, "host" | "port"> | undefined {
  const match = /^(\[[\dA-Fa-f:.]+\]|[\w.~-]*):(\d{1,5})$/.exec(text);
  const [, name = "", digits] = match ?? [];
  const port = Number(digits);
  if (match === null || port < 1 || port > 65_535) return undefined;
  if (name === "") return { host: undefined, port };
  const host = canonicalHost(name);
  if (host === undefined || (name.startsWith("[") && !host.includes(":"))) return undefined;
  return { host, port };
}

/** Options of {@link AltSvcCache}. */
export interface AltSvcCacheOptions {
  /** Origins that are remembered, 1 to 1,000,000; the one not used for longest goes. @default 1_000 */
  maxOrigins?: number;
  clock: Clock;
}

interface Known extends Alternative {
  readonly persist: boolean;
}

/**
 * Remembers where else origins can be asked. It only tells: whoever asks there has to find a certificate for the
 * origin's own name (RFC 7838, section 2.1).
 */
export class AltSvcCache {
  readonly #maxOrigins: number;
  readonly #clock: Clock;
  /** By origin, the one not used for longest first. */
  readonly #known = new Map<string, readonly Known[]>();

  /** @throws {KingError} KING_OPTION_INVALID */
  constructor({ maxOrigins = 1_000, clock }: AltSvcCacheOptions) {
    if (!Number.isInteger(maxOrigins) || maxOrigins < 1 || maxOrigins > 1_000_000) {
      const got = describeValue(maxOrigins);
      throw optionError("maxOrigins", `expected an integer from 1 to 1000000, got ${got}`);
    }
    this.#maxOrigins = maxOrigins;
    this.#clock = clock;
  }

  /** Origins that are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * Takes a field that came with a response of `origin`, in place of what was known. Only of https: origins, for
   * anybody on the way could have written another's.
   *
   * @param field the value of `Alt-Svc`; several lines are joined by commas.
   * @param options.ageSeconds how old the response was when it came, from its `Age`. @default 0
   */
  learn(
    { text, secure, host }: Pick<Origin, "text" | "secure" | "host">,
    field: string,
    { ageSeconds = 0 }: { readonly ageSeconds?: number } = {},
  ): void {
    if (!secure) return;
    const values = parseAltSvc(field);
    if (values === undefined) return;
    this.#known.delete(text);
    if (values === "clear") return;
    const now = this.#clock.now();
    const fresh = values
      .map((value) => ({
        protocol: value.protocol,
        host: value.host ?? host,
        port: value.port,
        expiresAt: now + (value.maxAgeSeconds - ageSeconds) * 1_000,
        persist: value.persist,
      }))
      .filter(({ expiresAt }) => expiresAt > now);
    if (fresh.length === 0) return;
    this.#known.set(text, fresh);
    if (this.#known.size <= this.#maxOrigins) return;
    for (const longest of this.#known.keys()) {
      this.#known.delete(longest);
      return;
    }
  }

  /** What is known of `origin` and still good, best first. */
  alternatives({ text }: Pick<Origin, "text">): readonly Alternative[] {
    const known = this.#known.get(text);
    if (known === undefined) return [];
    this.#known.delete(text);
    const fresh = this.#fresh(known);
    if (fresh.length > 0) this.#known.set(text, fresh);
    return fresh.map(({ persist: _, ...alternative }) => alternative);
  }

  #fresh(known: readonly Known[]): readonly Known[] {
    const now = this.#clock.now();
    const fresh = known.filter(({ expiresAt }) => expiresAt > now);
    return fresh.length === known.length ? known : fresh;
  }

  /** The network is another one: forgets all that is not said to survive that (RFC 7838, section 3.1). */
  forget(): void {
    for (const [origin, known] of [...this.#known]) {
      const kept = known.filter(({ persist }) => persist);
      // Setting what is there leaves its place in the order as it is.
      if (kept.length > 0) this.#known.set(origin, kept);
      else this.#known.delete(origin);
    }
  }
}
