import {
  array,
  boolean,
  check,
  type GenericSchema,
  literal,
  maxValue,
  minValue,
  number,
  picklist,
  pipe,
  safeInteger,
  string,
  union,
} from "valibot";

/** How a key's value is written in JSON and in the environment. */
export type KeyKind = "boolean" | "integer" | "string" | "enum" | "list";

/** One setting of a section. */
export interface ConfigKey<Value = unknown> {
  readonly kind: KeyKind;
  readonly schema: GenericSchema<unknown, Value>;
  readonly default: Value;
  /** What it does, in a sentence. */
  readonly doc: string;
  /** What is accepted, as it stands after "expected". */
  readonly expected: string;
  readonly unit?: string;
  readonly min?: number;
  readonly max?: number;
  /** Accepts `Infinity` (in JSON and the environment the word "Infinity"): no limit. */
  readonly unlimited?: boolean;
  readonly values?: readonly string[];
  /** Loosening it weakens security: locked unless the operator unlocks it. */
  readonly security?: boolean;
  /** Never shown: not in logs, errors, `explain` or JSON. */
  readonly secret?: boolean;
}

/** What every key says of itself. */
export interface KeyOptions<Value> {
  default: Value;
  doc: string;
  security?: boolean;
}

/** Options of {@link integerKey}. */
export interface IntegerKeyOptions extends KeyOptions<number> {
  /** @default 0 */
  min?: number;
  /** @default Number.MAX_SAFE_INTEGER */
  max?: number;
  unit?: string;
  /** Accepts `Infinity`, which means no limit. @default false */
  unlimited?: boolean;
}

function common<Value>(options: KeyOptions<Value>) {
  const { doc, security } = options;
  return { default: options.default, doc, ...(security === true ? { security } : {}) };
}

/** @__NO_SIDE_EFFECTS__ */
export function booleanKey(options: KeyOptions<boolean>): ConfigKey<boolean> {
  return { kind: "boolean", schema: boolean(), expected: "true or false", ...common(options) };
}

/** @__NO_SIDE_EFFECTS__ */
export function integerKey(options: IntegerKeyOptions): ConfigKey<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, unit, unlimited = false } = options;
  const bounded = pipe(number(), safeInteger(), minValue(min), maxValue(max));
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return {
    kind: "integer",
    schema: unlimited ? union([bounded, literal(Number.POSITIVE_INFINITY)]) : bounded,
    expected: `an integer ${range}${unlimited ? ", or Infinity" : ""}${unit ? ` (${unit})` : ""}`,
    min,
    max,
    ...(unit === undefined ? {} : { unit }),
    ...(unlimited ? { unlimited } : {}),
    ...common(options),
  };
}

/** A size in bytes. @__NO_SIDE_EFFECTS__ */
export function bytesKey(options: Omit<IntegerKeyOptions, "unit">): ConfigKey<number> {
  return integerKey({ ...options, unit: "bytes" });
}

/** A duration in milliseconds; its name ends in `Ms`. @__NO_SIDE_EFFECTS__ */
export function durationKey(options: Omit<IntegerKeyOptions, "unit">): ConfigKey<number> {
  return integerKey({ ...options, unit: "ms" });
}

/** Options of {@link stringKey}. */
export interface StringKeyOptions<Value> extends KeyOptions<Value> {
  secret?: boolean;
}

/** Text without control characters; `undefined` as default: not set. @__NO_SIDE_EFFECTS__ */
export function stringKey<Value extends string | undefined>(
  options: StringKeyOptions<Value>,
): ConfigKey<string | Value> {
  const schema = pipe(
    string(),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is refused
    check((text) => !/[\u0000-\u001f\u007f]/.test(text)),
  );
  return {
    kind: "string",
    schema: schema as unknown as GenericSchema<unknown, string | Value>,
    expected: "a string without control characters",
    ...(options.secret === true ? { secret: true } : {}),
    ...common<string | Value>(options),
  };
}

/** One of `values`. @__NO_SIDE_EFFECTS__ */
export function enumKey<const Value extends string>(
  options: KeyOptions<NoInfer<Value>> & { values: readonly Value[] },
): ConfigKey<Value> {
  return {
    kind: "enum",
    schema: picklist(options.values),
    expected: `one of ${options.values.map((value) => JSON.stringify(value)).join(", ")}`,
    values: options.values,
    ...common<Value>(options),
  };
}

/** Several strings; in the environment separated by commas. @__NO_SIDE_EFFECTS__ */
export function listKey(options: KeyOptions<readonly string[]>): ConfigKey<readonly string[]> {
  return {
    kind: "list",
    schema: array(string()),
    expected: "a list of strings",
    ...common({ ...options, default: Object.freeze([...options.default]) }),
  };
}
