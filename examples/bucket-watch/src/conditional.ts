/** Whether `etag` is in a list such as `If-None-Match`, by weak comparison (RFC 9110, 8.8.3.2). */
export function matchesEtag(field: string | undefined, etag: string): boolean {
  if (field === undefined) return false;
  if (field.trim() === "*") return true;
  const opaque = withoutWeakness(etag);
  return [...field.matchAll(/(?:W\/)?"[^"]*"/g)].some(([each]) => withoutWeakness(each) === opaque);
}

function withoutWeakness(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}
