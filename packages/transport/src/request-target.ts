/**
 * Whether the path of a request target has a backslash in it. No URI has one (RFC 3986, section 3.3), and
 * the URL standard makes a slash of it: it names one resource to some and another to others. Browsers do
 * send it in queries, where it means nothing else to anybody.
 */
export function hasBackslashInPath(target: string): boolean {
  const at = target.indexOf("\\");
  if (at === -1) return false;
  const query = target.indexOf("?");
  return query === -1 || at < query;
}
