const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * The first key that an object in JSON text has twice, which `JSON.parse` does not tell.
 *
 * @param text JSON that was parsed: it is not checked again
 */
export function findRepeatedKey(text: string): string | undefined {
  // Keys of the objects that are open; nothing for lists.
  const open: (Set<string> | undefined)[] = [];
  let keys: Set<string> | undefined;
  let latest = "";
  for (const [token] of text.matchAll(tokens)) {
    switch (token) {
      case "{":
        keys = new Set();
        open.push(keys);
        break;
      case "[":
        keys = undefined;
        open.push(keys);
        break;
      case "}":
      case "]":
        open.pop();
        keys = open.at(-1);
        break;
      case ":": {
        const key = latest.includes("\\") ? (JSON.parse(latest) as string) : latest.slice(1, -1);
        if (keys?.has(key)) return key;
        keys?.add(key);
        break;
      }
      default:
        latest = token;
    }
  }
  return undefined;
}
