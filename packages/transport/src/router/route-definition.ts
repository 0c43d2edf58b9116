import { optionError } from "@king-runtime/core";
import { token } from "../token.ts";

/** One segment of a pattern. */
export type RouteSegment =
  | { readonly type: "static"; readonly text: string }
  | { readonly type: "param"; readonly name: string }
  /** The rest of the path, under a name or none. */
  | { readonly type: "rest"; readonly name: string };

/** A route as it was defined. */
export interface RouteDefinition {
  /** A method, `*` for any, or `UPGRADE websocket` for an upgrade. */
  readonly method: string;
  readonly segments: readonly RouteSegment[];
}

/** What the method of an upgrade route begins with; no method has a space in it. */
export const upgradePrefix = "UPGRADE ";

const paramName = /^[A-Za-z_]\w*$/;
// What a path cannot have unencoded (RFC 3986, section 3.3), what begins an encoding, and what other
// routers give a meaning of their own.
const refusedInSegment = /[\p{Cc}\s%?#\\:*(){}[\]<>"^`|]/u;

/** @throws {KingError} KING_OPTION_INVALID, naming the definition. */
export function parseRoute(definition: string): RouteDefinition {
  const fail = (expected: string) =>
    optionError(`routes[${JSON.stringify(definition)}]`, `expected ${expected}`);
  const [method = "", second = "", third, ...more] = definition.split(" ");
  const isUpgrade = method === "UPGRADE";
  const path = isUpgrade ? third : second;
  if (path === undefined || more.length > 0 || (!isUpgrade && third !== undefined)) {
    throw fail('"METHOD /path" or "UPGRADE protocol /path"');
  }
  if (!token.test(method)) throw fail("a method before the path");
  if (isUpgrade && !/^[^/]+(\/[^/]+)?$/.test(second)) throw fail("a protocol after UPGRADE");
  if (!path.startsWith("/")) throw fail("a path that begins with /");
  const segments = path
    .slice(1)
    .split("/")
    .map((text, at, all) => parseSegment(text, at === all.length - 1, fail));
  const names = segments.flatMap((each) => ("name" in each && each.name ? [each.name] : []));
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw fail(`${twice} once`);
  return { method: isUpgrade ? upgradePrefix + second.toLowerCase() : method, segments };
}

function parseSegment(text: string, last: boolean, fail: (expected: string) => Error) {
  const name = text.slice(1);
  if (text.startsWith(":")) {
    if (!paramName.test(name)) throw fail("a name after :, and nothing but it in its segment");
    return { type: "param", name } as const;
  }
  if (text.startsWith("*")) {
    if (!last) throw fail("* in the last segment");
    if (name !== "" && !paramName.test(name)) throw fail("a name, or nothing, after *");
    return { type: "rest", name } as const;
  }
  if (text === "" && !last) throw fail("no empty segment but the last");
  if (text === "." || text === "..") throw fail("no . or .. segment");
  if (refusedInSegment.test(text)) throw fail("plain decoded text in a segment");
  return { type: "static", text } as const;
}
