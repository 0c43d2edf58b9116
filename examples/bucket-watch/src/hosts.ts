import { BlockList, isIP } from "node:net";
import { configErrors, environmentName } from "@king-runtime/core";

/** Options of {@link createHostCheck}. */
export interface CreateHostCheckOptions {
  /** Names and addresses that are answered beside those of loopback, without scheme and port. */
  readonly allowedHosts: readonly string[];
  /** Address or name that is listened on; asked at each request. */
  readonly boundTo: () => string;
}

/**
 * Whether a request for that authority is answered. On loopback the network keeps nobody out of reach
 * of a visitor's browser: a page whose name is made to point here would pass for the server's own, and
 * only the name it asked for tells.
 *
 * @throws {KingError} KING_CONFIG_INVALID for an allowed host that is no host.
 */
export function createHostCheck(options: CreateHostCheckOptions): (authority: string) => boolean {
  const allowed = new Set(options.allowedHosts.map(checkHost));
  return (authority) => {
    if (allowed.size === 0 && !isLoopback(options.boundTo())) return true;
    const host = hostOf(authority);
    return host !== undefined && (allowed.has(host) || isLoopback(host));
  };
}

const hostForm = /^(?:\[[\da-f:.]+\]|[\w.-]+)$/i;

function checkHost(host: string): string {
  const checked = hostForm.test(host) ? hostOf(host) : undefined;
  if (checked !== undefined) return checked;
  const key = "bucketWatch.allowedHosts";
  const message =
    `${key}: expected hosts without scheme and port, such as files.example, ` +
    `got ${JSON.stringify(host)} (${environmentName("bucketWatch", "allowedHosts")})`;
  throw configErrors.create("KING_CONFIG_INVALID", message, { issues: [{ key, message }] });
}

/** The host of an authority as URLs normalize it: `127.1` is `127.0.0.1`. */
function hostOf(authority: string): string | undefined {
  const host = authority.replace(/:\d*$/, "");
  return hostForm.test(host) ? URL.parse(`http://${host}/`)?.hostname : undefined;
}

function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  const address = host.startsWith("[") ? host.slice(1, -1) : host;
  const version = isIP(address);
  if (version === 0) return false;
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8);
  loopback.addAddress("::1", "ipv6");
  return loopback.check(address, version === 6 ? "ipv6" : "ipv4");
}
