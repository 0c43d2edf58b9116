const jsonNumber = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

// As integers of 64 bits have at most; keeps exponents from making numbers of any length.
const mostDigits = 20;
// With room for zeros that change nothing; what is longer is not looked at.
const mostCharacters = 128;

/** Whether text is a number as JSON writes them. */
export function isJsonNumber(text: string): boolean {
  return jsonNumber.test(text);
}

/**
 * The integer that a JSON number in text stands for, however it is written: `100`, `1e2`, `100.0`.
 *
 * @returns `undefined` for other text, for fractions, and for more than 20 digits or 128 characters
 */
export function parseDecimalInteger(text: string): bigint | undefined {
  const match = text.length > mostCharacters ? null : jsonNumber.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const all = (whole + fraction).replace(/^0+/, "");
  const digits = all.replace(/0+$/, "");
  if (digits === "") return 0n;
  const zeros = Number(exponent) - fraction.length + (all.length - digits.length);
  if (zeros < 0 || digits.length + zeros > mostDigits) return undefined;
  const magnitude = BigInt(digits + "0".repeat(zeros));
  return sign === "-" ? -magnitude : magnitude;
}
