/**
 * The first key that an object in JSON text has twice, which `JSON.parse` does not tell.
 *
 * @param text JSON that was parsed: it is not checked again
 */
export function findRepeatedKey(text: string): string | undefined {
  // Keys of the objects that are open; nothing for lists.
  const open: (Set<string> | undefined)[] = [];
  let keys: Set<string> | undefined;
  // The latest string, quotes included.
  let start = 0;
  let end = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '"':
        start = i;
        i = closingQuote(text, i);
        end = i + 1;
        break;
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
        const key = JSON.parse(text.slice(start, end)) as string;
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
    }
  }
  return undefined;
}

/** Not by an expression, which would run out of stack on long text. */
function closingQuote(text: string, opening: number): number {
  let quote = opening;
  let backslashes: number;
  do {
    quote = text.indexOf('"', quote + 1);
    backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
  } while (backslashes % 2 === 1);
  return quote;
}
