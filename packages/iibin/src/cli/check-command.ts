import type { CliCommand } from "@king-runtime/core";
import { checkCompatibility } from "../compatibility.ts";
import { loadDefinitions } from "./load-definitions.ts";
import { printTable } from "./print-table.ts";

/** `king iibin check`: exits with 1 when the new definitions break with the old ones. */
export const checkCommand: CliCommand = {
  name: "check",
  summary: "say what programs with the old definitions and the new ones cannot read of each other",
  arguments: [
    { name: "old", summary: ".proto file or module with the old definitions", required: true },
    { name: "new", summary: ".proto file or module with the new definitions", required: true },
  ],
  options: [{ name: "json", summary: "print JSON" }],
  async run({ args, options, cwd, stdout }) {
    const old = await loadDefinitions(args["old"] ?? "", cwd);
    const next = await loadDefinitions(args["new"] ?? "", cwd);
    const result = checkCompatibility(old, next);
    const { compatible, breaks, warnings } = result;
    if (options["json"] === true) {
      stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    } else {
      const rows = [
        ...breaks.map(({ rule, message }) => ["break", rule, message]),
        ...warnings.map(({ rule, message }) => ["warning", rule, message]),
      ];
      stdout.write(printTable(rows));
      stdout.write(`${count(breaks.length, "break")}, ${count(warnings.length, "warning")}\n`);
    }
    return compatible ? 0 : 1;
  },
};

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
