import { describeValue, optionError, type Stream } from "@king-runtime/core";
import { netErrors } from "../net-errors.ts";
import {
  checkFramingOptions,
  checkLimit,
  checkSource,
  checkTarget,
  chunkBytes,
} from "./framing-options.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

/** How the text of a line is written in bytes. */
export type LineEncoding = "utf-8" | "latin1";

/** Options of {@link readLines}. */
export interface ReadLinesOptions {
  /** Longest line, in bytes without its end. @default 65_536 */
  maxLineBytes?: number;
  /** @default "utf-8" */
  encoding?: LineEncoding;
  /** Whether a line that is not UTF-8 is an error; otherwise U+FFFD stands for what is wrong. @default false */
  fatal?: boolean;
}

/** Options of {@link writeLine}. */
export interface WriteLineOptions {
  /** Longest line, in bytes without its end. @default 65_536 */
  maxLineBytes?: number;
  /** @default "utf-8" */
  encoding?: LineEncoding;
  /** @default "\n" */
  end?: "\n" | "\r\n";
}

const defaultMaxLineBytes = 65_536;
const lf = 0x0a;
const cr = 0x0d;

/**
 * The lines of `source`, each without its end, which is LF or CRLF; the last one may have none. At most
 * some twice `maxLineBytes` are held. Leaving the loop releases the source.
 *
 * @throws {KingError} KING_NET_FRAME_LIMIT for a line that is too long, after those before it;
 * KING_NET_FRAME_ENCODING with `fatal`; KING_OPTION_INVALID; what the source throws.
 */
export function readLines(
  source: AsyncIterable<Uint8Array>,
  options: ReadLinesOptions = {},
): AsyncGenerator<string, undefined> {
  checkFramingOptions(options, ["maxLineBytes", "encoding", "fatal"]);
  const { maxLineBytes = defaultMaxLineBytes, encoding = "utf-8", fatal = false } = options;
  checkLimit("maxLineBytes", maxLineBytes);
  checkEncoding(encoding);
  if (typeof fatal !== "boolean") {
    throw optionError("fatal", `expected true or false, got ${describeValue(fatal)}`);
  }
  checkSource(source);
  return lines(source, maxLineBytes, decoderOf(encoding, fatal));
}

async function* lines(
  source: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
  decode: (line: Buffer) => string,
): AsyncGenerator<string, undefined> {
  const begun = new GatheredBytes();
  for await (const chunk of source) {
    const bytes = chunkBytes(chunk);
    let at = 0;
    for (let end = bytes.indexOf(lf); end >= 0; end = bytes.indexOf(lf, at)) {
      let line = bytes.subarray(at, end);
      at = end + 1;
      if (begun.length > 0) {
        if (begun.length + line.length > maxLineBytes + 1) throw tooLong(maxLineBytes);
        begun.append(line);
        line = begun.view;
        begun.clear();
      }
      if (line.at(-1) === cr) line = line.subarray(0, -1);
      if (line.length > maxLineBytes) throw tooLong(maxLineBytes);
      yield decode(line);
    }
    const rest = bytes.length - at;
    // One byte more may be the CR of an end.
    const isOver = begun.length + rest - maxLineBytes;
    if (isOver > 1 || (isOver === 1 && (rest > 0 ? bytes.at(-1) : begun.last) !== cr)) {
      throw tooLong(maxLineBytes);
    }
    if (rest > 0) begun.append(bytes.subarray(at), maxLineBytes + 1);
  }
  if (begun.length > maxLineBytes) throw tooLong(maxLineBytes);
  if (begun.length > 0) yield decode(begun.view);
  return undefined;
}

/**
 * Writes `line` and its end in one piece; resolves when there is room for more.
 *
 * @throws {KingError} KING_OPTION_INVALID for a line that has a line break within, and would be read
 * as two, or characters that its encoding has not; KING_NET_FRAME_LIMIT; what the stream throws.
 */
export async function writeLine(
  stream: Pick<Stream, "write">,
  line: string,
  options: WriteLineOptions = {},
): Promise<void> {
  checkFramingOptions(options, ["maxLineBytes", "encoding", "end"]);
  const { maxLineBytes = defaultMaxLineBytes, encoding = "utf-8", end = "\n" } = options;
  checkLimit("maxLineBytes", maxLineBytes);
  checkEncoding(encoding);
  if (end !== "\n" && end !== "\r\n") {
    throw optionError("end", `expected "\\n" or "\\r\\n", got ${describeValue(end)}`);
  }
  checkTarget(stream);
  if (typeof line !== "string") {
    throw optionError("line", `expected a string, got ${describeValue(line)}`);
  }
  if (/[\r\n]/.test(line)) throw optionError("line", "expected no line break within");
  // What Latin-1 has not would lose its upper byte, and may become a line break.
  const outside = encoding === "latin1" ? /[^\0-\xff]/.exec(line)?.[0] : undefined;
  if (outside !== undefined) {
    throw optionError("line", `expected text of Latin-1, got ${describeValue(outside)}`);
  }
  const bytes = Buffer.from(line + end, encoding);
  if (bytes.length - end.length > maxLineBytes) throw tooLong(maxLineBytes);
  await stream.write(bytes);
}

function decoderOf(encoding: LineEncoding, fatal: boolean): (line: Buffer) => string {
  if (encoding === "latin1") return (line) => line.toString("latin1");
  if (!fatal) return (line) => line.toString("utf8");
  const decoder = new TextDecoder("utf-8", { fatal, ignoreBOM: true });
  return (line) => {
    try {
      return decoder.decode(line);
    } catch (cause) {
      throw netErrors.create("KING_NET_FRAME_ENCODING", "line: expected UTF-8", {}, { cause });
    }
  };
}

function checkEncoding(encoding: unknown): void {
  if (encoding === "utf-8" || encoding === "latin1") return;
  throw optionError("encoding", `expected "utf-8" or "latin1", got ${describeValue(encoding)}`);
}

function tooLong(limitBytes: number) {
  return netErrors.create(
    "KING_NET_FRAME_LIMIT",
    `line: expected at most maxLineBytes (${limitBytes}), got more`,
    { limitBytes },
  );
}
