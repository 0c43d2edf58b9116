const text = (type: string) => `${type}; charset=utf-8`;

// As IANA registers them, and as browsers insist on.
const types: Readonly<Record<string, string>> = Object.freeze({
  html: text("text/html"),
  htm: text("text/html"),
  css: text("text/css"),
  js: text("text/javascript"),
  mjs: text("text/javascript"),
  json: "application/json",
  map: "application/json",
  webmanifest: "application/manifest+json",
  xml: "application/xml",
  txt: text("text/plain"),
  md: text("text/markdown"),
  csv: text("text/csv"),
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  ico: "image/x-icon",
  bmp: "image/bmp",
  wasm: "application/wasm",
  pdf: "application/pdf",
  zip: "application/zip",
  gz: "application/gzip",
  woff: "font/woff",
  woff2: "font/woff2",
  ttf: "font/ttf",
  otf: "font/otf",
  mp3: "audio/mpeg",
  ogg: "audio/ogg",
  wav: "audio/wav",
  weba: "audio/webm",
  mp4: "video/mp4",
  webm: "video/webm",
});

/** The content type of a file by the end of its name, `others` before ours; bytes for an unknown one. */
export function contentTypeOf(name: string, others: ReadonlyMap<string, string>): string {
  const at = name.lastIndexOf(".");
  const ending = at <= 0 ? "" : name.slice(at + 1).toLowerCase();
  const ours = Object.hasOwn(types, ending) ? types[ending] : undefined;
  return others.get(ending) ?? ours ?? "application/octet-stream";
}
