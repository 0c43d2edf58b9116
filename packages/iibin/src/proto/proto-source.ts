import { iibinErrors } from "../errors.ts";

/** A `.proto` file's text, which knows how to point at a place in itself. */
export class ProtoSource {
  readonly file: string;
  readonly text: string;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /**
   * The error of a place: `api.proto:12:7: expected ";", got "}"`. Lines and columns count from 1,
   * columns in UTF-16 code units.
   */
  invalid(offset: number, message: string, cause?: unknown): Error {
    const { file, text } = this;
    let line = 1;
    let lineStart = 0;
    for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
      line++;
      lineStart = at + 1;
    }
    const column = offset - lineStart + 1;
    // Names in it can be as long as the file.
    const short = message.length > 500 ? `${message.slice(0, 500).toWellFormed()}...` : message;
    return iibinErrors.create(
      "KING_IIBIN_PROTO_INVALID",
      `${file}:${line}:${column}: ${short}`,
      { file, line, column },
      ...(cause === undefined ? [] : [{ cause }]),
    );
  }
}
