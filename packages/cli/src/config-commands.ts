import {
  type CliCommand,
  type CliContext,
  type CliOption,
  type ConfigExplanation,
  jsonSchema,
} from "@king-runtime/core";
import type { InstalledPlane } from "./find-planes.ts";
import { defaultConfigFile, loadPlaneConfig, sectionsOf } from "./plane-config.ts";
import { formatTable } from "./table.ts";

const fileOption: CliOption = {
  name: "file",
  value: "path",
  summary: `the operator's file (default: ${defaultConfigFile}, if there is one)`,
};

const jsonOption: CliOption = { name: "json", summary: "print JSON" };

/** `king config ...`: the same reading and checking of settings that an application starts with. */
export function configCommands(planes: readonly InstalledPlane[]): CliCommand[] {
  const load = (context: CliContext) =>
    loadPlaneConfig(planes, context, context.options["file"] as string | undefined);

  const check: CliCommand = {
    name: "check",
    summary: "say whether the operator's file and the environment are valid",
    options: [fileOption],
    async run(context) {
      const changed = load(context)
        .explain()
        .filter(({ from }) => from !== "default");
      context.stdout.write(
        `valid: ${changed.length} settings set by the operator or the environment\n`,
      );
      return 0;
    },
  };

  const explain: CliCommand = {
    name: "explain",
    summary: "say what a setting is, what it means and where it comes from",
    arguments: [{ name: "key", summary: "such as http.maxBodyBytes; all of them without" }],
    options: [fileOption, jsonOption],
    async run(context) {
      const config = load(context);
      const { key } = context.args;
      const explained = key === undefined ? config.explain() : config.explain(key as never);
      if (context.options["json"]) {
        context.stdout.write(`${JSON.stringify(explained, spellInfinity, 2)}\n`);
      } else {
        const text = "key" in explained ? describe(explained) : summarize(explained);
        context.stdout.write(text);
      }
      return 0;
    },
  };

  const schema: CliCommand = {
    name: "schema",
    summary: `print the JSON Schema of ${defaultConfigFile}`,
    async run({ stdout }) {
      stdout.write(`${JSON.stringify(jsonSchema(sectionsOf(planes)), null, 2)}\n`);
      return 0;
    },
  };

  return [check, explain, schema];
}

/** JSON has no `Infinity`; the operator's file writes the word. */
const spellInfinity = (_: string, value: unknown) =>
  value === Number.POSITIVE_INFINITY ? "Infinity" : value;

const show = (value: unknown) =>
  value === undefined ? "(not set)" : JSON.stringify(spellInfinity("", value));

function summarize(all: readonly ConfigExplanation[]): string {
  return formatTable(
    ["key", "value", "from", "locked"],
    all.map(({ key, value, from, locked, unit }) => [
      key,
      unit === undefined ? show(value) : `${show(value)} ${unit}`,
      from,
      locked ? "locked" : "",
    ]),
  );
}

function describe(one: ConfigExplanation): string {
  const locked = one.security
    ? "yes: a security setting, unless policy.unlock names it"
    : "yes: policy.lock names it";
  return [
    one.key,
    `  ${one.doc}`,
    `  value        ${show(one.value)}`,
    `  from         ${one.from}`,
    `  default      ${show(one.default)}`,
    `  expected     ${one.expected}`,
    `  locked       ${one.locked ? locked : "no"}`,
    `  environment  ${one.environmentName}`,
    "",
  ].join("\n");
}
