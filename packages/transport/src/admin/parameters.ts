import { describeValue } from "@king-runtime/core";
import { AdminProblem } from "./admin-problem.ts";

/** A parameter of a query or member of a body: a JSON Schema, by which it is also read. */
export type Parameter =
  | {
      readonly type: "integer";
      readonly minimum: number;
      readonly maximum: number;
      readonly default?: number;
      readonly description: string;
    }
  | { readonly type: "boolean"; readonly default: boolean; readonly description: string }
  | {
      readonly type: "string";
      readonly enum?: readonly string[];
      readonly maxLength?: number;
      readonly description: string;
    };

/** Parameters by name. */
export type Parameters = Readonly<Record<string, Parameter>>;

type ValueOf<Each> = Each extends { type: "integer" }
  ? number
  : Each extends { type: "boolean" }
    ? boolean
    : string;

/** What a request gave for its parameters, or their defaults. */
export type ParameterValues<All extends Parameters> = {
  readonly [Name in keyof All]: All[Name] extends { default: unknown }
    ? ValueOf<All[Name]>
    : ValueOf<All[Name]> | undefined;
};

/** @throws {AdminProblem} 400 for what is unknown, given twice, or not what was expected. */
export function readQuery<const All extends Parameters>(
  query: URLSearchParams,
  parameters: All,
): ParameterValues<All> {
  const given = new Map<string, unknown>();
  for (const [name, text] of query) {
    if (given.has(name)) throw malformed(name, "expected it once, got it twice");
    given.set(name, fromText(text, own(parameters, name)));
  }
  return readValues(given, parameters);
}

/** @throws {AdminProblem} 400 for what is unknown, or not what was expected. */
export function readMembers<const All extends Parameters>(
  body: unknown,
  parameters: All,
): ParameterValues<All> {
  if (body === undefined) return readValues(new Map(), parameters);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw malformed("body", `expected an object, got ${describeValue(body)}`);
  }
  return readValues(new Map(Object.entries(body)), parameters);
}

function readValues<All extends Parameters>(
  given: ReadonlyMap<string, unknown>,
  parameters: All,
): ParameterValues<All> {
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    values[name] = "default" in parameter ? parameter.default : undefined;
  }
  for (const [name, value] of given) {
    const parameter = own(parameters, name);
    if (parameter === undefined) {
      const known = Object.keys(parameters).join(", ") || "none";
      throw malformed(name, `expected one of ${known}`);
    }
    if (!fits(value, parameter)) {
      throw malformed(name, `expected ${expectation(parameter)}, got ${describeValue(value)}`);
    }
    values[name] = value;
  }
  return values as ParameterValues<All>;
}

const own = (parameters: Parameters, name: string) =>
  Object.hasOwn(parameters, name) ? parameters[name] : undefined;

function fromText(text: string, parameter: Parameter | undefined): unknown {
  if (parameter?.type === "integer" && /^(0|[1-9]\d{0,15})$/.test(text)) return Number(text);
  if (parameter?.type === "boolean" && (text === "true" || text === "false"))
    return text === "true";
  return text;
}

function fits(value: unknown, parameter: Parameter): boolean {
  switch (parameter.type) {
    case "integer":
      return (
        Number.isSafeInteger(value) &&
        (value as number) >= parameter.minimum &&
        (value as number) <= parameter.maximum
      );
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return (
        typeof value === "string" &&
        (parameter.enum?.includes(value) ?? true) &&
        value.length <= (parameter.maxLength ?? value.length)
      );
  }
}

function expectation(parameter: Parameter): string {
  if (parameter.type === "integer") {
    return `an integer from ${parameter.minimum} to ${parameter.maximum}`;
  }
  if (parameter.type === "boolean") return "true or false";
  if (parameter.enum !== undefined) {
    return `one of ${parameter.enum.map((each) => JSON.stringify(each)).join(", ")}`;
  }
  return `a string of at most ${parameter.maxLength} characters`;
}

const malformed = (name: string, expected: string) =>
  new AdminProblem({ status: 400, detail: `${describeName(name)}: ${expected}` });

/** What a client called it, not to be told back at any length. */
const describeName = (name: string) => (/^[\w.-]{1,60}$/.test(name) ? name : describeValue(name));
