import type { CliCommand } from "@king-runtime/core";
import { iibinErrors } from "../errors.ts";
import { type Description, describe, type Registry } from "../registry.ts";
import { Reservations, tagRangeText } from "../reservations.ts";
import { loadDefinitions } from "./load-definitions.ts";
import { printTable } from "./print-table.ts";

/** `king iibin describe`: what schemas and enums there are, with every option decided. */
export const describeCommand: CliCommand = {
  name: "describe",
  summary: "print schemas and enums, with every option decided",
  arguments: [
    { name: "file", summary: ".proto file or module", required: true },
    { name: "name", summary: "the one to print, by its full name" },
  ],
  options: [{ name: "json", summary: "print JSON" }],
  async run({ args, options, cwd, stdout }) {
    const file = args["file"] ?? "";
    const registry = await loadDefinitions(file, cwd);
    const { name } = args;
    const descriptions =
      name === undefined
        ? [...registry.schemas(), ...registry.enums()].map(describe)
        : [describeOne(registry, name, file)];
    if (options["json"] === true) {
      const printed = name === undefined ? descriptions : descriptions[0];
      stdout.write(`${JSON.stringify(printed, null, 2)}\n`);
    } else stdout.write(descriptions.map(print).join("\n"));
    return 0;
  },
};

function describeOne(registry: Registry, name: string, file: string): Description {
  if (registry.has(name)) return registry.describe(name);
  const names = [...registry.schemas(), ...registry.enums()].map((each) => each.name).sort();
  const more = names.length > 20 ? ` and ${names.length - 20} more` : "";
  throw iibinErrors.create(
    "KING_IIBIN_REGISTRY",
    `${file}: expected one of ${names.slice(0, 20).join(", ")}${more}, got ${name}`,
    { name },
  );
}

function print(description: Description): string {
  const { kind, name } = description;
  if (description.kind === "enum") {
    const members = Object.entries(description.members);
    const rows = members.map(([member, number]) => [String(number), member]);
    return `${kind} ${name}\n${printTable([["number", "member"], ...rows], "  ")}`;
  }
  const rows = description.fields.map((field) => [
    String(field.tag),
    field.name,
    field.type,
    field.presence,
    [
      ...(field.packed === true ? ["packed"] : []),
      ...(field.oneof === undefined ? [] : [`oneof ${field.oneof}`]),
      ...(field.default === undefined ? [] : [`default ${JSON.stringify(field.default)}`]),
    ].join(", "),
  ]);
  const { ranges, names } = new Reservations(description.reserved ?? []);
  const reserved = [...ranges.map(tagRangeText), ...[...names].map((each) => JSON.stringify(each))];
  return `${kind} ${name} (profile ${description.profile})\n${printTable(
    [["tag", "field", "type", "presence", ""], ...rows],
    "  ",
  )}${reserved.length === 0 ? "" : `  reserved ${reserved.join(", ")}\n`}`;
}
