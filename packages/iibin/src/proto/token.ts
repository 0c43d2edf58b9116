/** A word of a `.proto` file. */
export interface Token {
  readonly kind: "identifier" | "integer" | "float" | "string" | "symbol" | "end";
  /** As it is written, quotes included. */
  readonly text: string;
  /** Where it begins, in UTF-16 code units from the start of the file. */
  readonly at: number;
}

/** A token for an error message: in quotes, cut when it is long. */
export function describeToken({ kind, text }: Token): string {
  if (kind === "end") return "the end of the file";
  const short = text.length > 40 ? `${text.slice(0, 40).toWellFormed()}...` : text;
  return kind === "string" ? `the string ${short}` : `"${short}"`;
}
