// uri-host and port of RFC 3986, section 3.2: an address in brackets, or a name that may be empty.
const authority = /^(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d{0,5})?$/i;

/** Whether `text` is what Host and `:authority` may say: host and port, and no user (RFC 9110, section 7.2). */
export function isAuthority(text: string): boolean {
  // Clients name the same one again and again.
  if (text === last) return true;
  if (!authority.test(text)) return false;
  last = text;
  return true;
}

let last = "";
