import { isIP } from "node:net";

/**
 * What resolvers and the URL standard make of a host: an address in its usual form, without a zone, or a name in
 * lower case and ASCII, without the dot at its end. They take `0x7f.1` and `2130706433` for 127.0.0.1.
 *
 * @returns `undefined` for what is no host.
 */
export function canonicalHost(host: string): string | undefined {
  const bare = /^\[([^\]]*)\]$/.exec(host)?.[1] ?? host;
  switch (isIP(bare)) {
    case 4:
      return bare;
    case 6:
      return bare.replace(/%.*$/s, "");
  }
  if (bare !== host || /[\s\p{C}/?#@:\\%[\]]/u.test(host)) return undefined;
  const url = `http://${host}/`;
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, "") : "";
  return name === "" ? undefined : name;
}
