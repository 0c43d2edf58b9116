import { plane } from "../../src/cli.ts";

/** What a command gave and printed; what it throws comes through. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the plane as the `king` command would: arguments in order, then options. */
export async function runCommand(
  cwd: string,
  name: string,
  args: readonly string[],
  options: Readonly<Record<string, string | boolean>> = {},
): Promise<CommandResult> {
  const command = plane.commands.find((each) => each.name === name);
  if (command === undefined) throw new Error(`the plane has no command ${name}`);
  const switches = (command.options ?? []).filter(({ value }) => value === undefined);
  for (const option of Object.keys(options))
    if (!command.options?.some((each) => each.name === option))
      throw new Error(`${name} has no option ${option}`);
  const out: string[] = [];
  const err: string[] = [];
  const code = await command.run({
    args: Object.fromEntries((command.arguments ?? []).map((each, i) => [each.name, args[i]])),
    options: { ...Object.fromEntries(switches.map((each) => [each.name, false])), ...options },
    stdout: { write: (text) => void out.push(text) },
    stderr: { write: (text) => void err.push(text) },
    cwd,
    env: {},
    signal: new AbortController().signal,
  });
  return { code, stdout: out.join(""), stderr: err.join("") };
}
