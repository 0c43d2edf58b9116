/** A request as RFC 9112 frames it. */
export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  /** The whole body, as Latin-1; undefined when it breaks off or is framed wrongly. */
  readonly body: string | undefined;
}

const requestLine = /^([A-Z-]+) +([^\0-\x20\x7f]+) +HTTP\/1\.([01])$/;
const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const chunkSize = /^([0-9a-f]{1,12})(;[\t\x20-\x7e\x80-\xff]*)?$/i;

/**
 * The requests in what a connection carries, up to the first byte that could be understood in two ways.
 * Written from RFC 9112 alone, as a second opinion: it knows none of node's parser.
 */
export function strictRequests(text: string): StrictRequest[] {
  const requests: StrictRequest[] = [];
  let at = 0;
  for (;;) {
    while (text[at] === "\r" || text[at] === "\n") at++; // section 2.2
    const headEnd = text.indexOf("\r\n\r\n", at);
    if (headEnd === -1) return requests;
    const head = parseHead(text.slice(at, headEnd).split("\r\n"));
    if (head === undefined) return requests;
    const body = parseBody(text, headEnd + 4, head.framing);
    const { method, target } = head;
    requests.push({ method, target, body: body?.content });
    if (body === undefined) return requests;
    at = body.end;
  }
}

interface Head {
  readonly method: string;
  readonly target: string;
  /** Length of the body; "chunked" when it says so itself. */
  readonly framing: number | "chunked";
}

function parseHead([first = "", ...lines]: string[]): Head | undefined {
  const [, method, target, minor] = requestLine.exec(first) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const lengths: string[] = [];
  const codings: string[] = [];
  for (const line of lines) {
    const [, name, value = ""] = field.exec(line) ?? [];
    if (name === undefined) return undefined;
    if (name.toLowerCase() === "content-length") lengths.push(trimmed(value));
    if (name.toLowerCase() === "transfer-encoding") codings.push(trimmed(value).toLowerCase());
  }
  const [length = "0"] = lengths;
  if (codings.length === 0) {
    // Section 6.3: one length, of digits.
    if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) return undefined;
    return { method, target, framing: Number(length) };
  }
  // Sections 6.1 and 6.3: no length beside chunks, chunks once and last, and not over HTTP/1.0.
  const alone = lengths.length === 0 && codings.length === 1 && minor === "1";
  return alone && codings[0] === "chunked" ? { method, target, framing: "chunked" } : undefined;
}

const trimmed = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, "");

interface Body {
  readonly content: string;
  readonly end: number;
}

function parseBody(text: string, start: number, framing: number | "chunked"): Body | undefined {
  if (framing === "chunked") return parseChunks(text, start);
  const end = start + framing;
  return end > text.length ? undefined : { content: text.slice(start, end), end };
}

/** Section 7.1. */
function parseChunks(text: string, start: number): Body | undefined {
  let content = "";
  let at = start;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    const [, digits] = lineEnd === -1 ? [] : (chunkSize.exec(text.slice(at, lineEnd)) ?? []);
    if (digits === undefined) return undefined;
    const size = Number.parseInt(digits, 16);
    at = lineEnd + 2;
    if (size === 0) return parseTrailers(text, at, content);
    if (text.slice(at + size, at + size + 2) !== "\r\n") return undefined;
    content += text.slice(at, at + size);
    at += size + 2;
  }
}

function parseTrailers(text: string, start: number, content: string): Body | undefined {
  let at = start;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    if (lineEnd === at) return { content, end: at + 2 };
    if (!field.test(text.slice(at, lineEnd))) return undefined;
    at = lineEnd + 2;
  }
}
