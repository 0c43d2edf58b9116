import type { CliCommand, CliContext, CliWriter } from "@king-runtime/core";
import { Command, CommanderError, Option } from "commander";
import { configCommands } from "./config-commands.ts";
import { doctorCommand } from "./doctor-command.ts";
import { findPlanes, type InstalledPlane } from "./find-planes.ts";
import { enclosingPackage } from "./installed-package.ts";

/** What {@link runCli} works with: nothing is taken from the process behind the caller's back. */
export interface RunCliOptions {
  /** The words after `king`. */
  argv: readonly string[];
  /** Absolute path of the folder the application is looked for in. */
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  stdout: CliWriter;
  stderr: CliWriter;
  signal?: AbortSignal;
}

/** Runs one `king` command and gives its exit code; never throws and never ends the process. */
export async function runCli(options: RunCliOptions): Promise<number> {
  const { stderr } = options;
  let exitCode = 0;
  try {
    const planes = await findPlanes({ cwd: options.cwd });
    for (const { name, problem } of planes) {
      if (problem !== undefined) stderr.write(`king: ${name}: ${problem}\n`);
    }
    const program = createProgram(options, planes, (code) => {
      exitCode = code;
    });
    await program.parseAsync(options.argv, { from: "user" });
  } catch (error) {
    // Commander has printed its own message, and its help is not a fault.
    if (error instanceof CommanderError) return error.exitCode;
    stderr.write(`king: ${messageOf(error)}\n`);
    return 1;
  }
  return exitCode;
}

function createProgram(
  options: RunCliOptions,
  planes: readonly InstalledPlane[],
  done: (exitCode: number) => void,
): Command {
  const program = new Command("king")
    .description("Commands of King for TypeScript and of its installed planes")
    .version(enclosingPackage(import.meta.dirname)?.manifest.version ?? "unknown")
    .configureOutput({
      writeOut: (text) => options.stdout.write(text),
      writeErr: (text) => options.stderr.write(text),
    })
    .exitOverride();

  const add = (parent: Command, spec: CliCommand): void => {
    const command = parent.command(spec.name).description(spec.summary);
    for (const { name, summary, required } of spec.arguments ?? []) {
      command.argument(required ? `<${name}>` : `[${name}]`, summary);
    }
    for (const { name, summary, value, default: initial } of spec.options ?? []) {
      const flags = value === undefined ? `--${name}` : `--${name} <${value}>`;
      const option = new Option(flags, summary);
      if (value === undefined) option.default(false, "off");
      else if (initial !== undefined) option.default(initial);
      command.addOption(option);
    }
    command.action(async () => done(await spec.run(contextOf(spec, command, options))));
  };

  add(program, doctorCommand(planes));
  const config = program
    .command("config")
    .description("Check, explain and describe the configuration of the installed planes");
  for (const command of configCommands(planes)) add(config, command);
  for (const { name, plane } of planes) {
    if (plane === undefined || plane.commands.length === 0) continue;
    try {
      const group = new Command(plane.name)
        .description(`Commands of ${plane.name}`)
        .copyInheritedSettings(program);
      for (const command of plane.commands) add(group, command);
      program.addCommand(group);
    } catch (error) {
      options.stderr.write(`king: ${name}: ${messageOf(error)}\n`);
    }
  }
  return program;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function contextOf(spec: CliCommand, command: Command, options: RunCliOptions): CliContext {
  const args = (spec.arguments ?? []).map(({ name }, i) => [name, command.args[i]] as const);
  // Commander files `--dry-run` under `dryRun`; commands look it up by its own name.
  const given = (spec.options ?? []).map(({ name }) => {
    const key = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    return [name, command.getOptionValue(key) as string | boolean | undefined] as const;
  });
  return {
    args: Object.fromEntries(args),
    options: Object.fromEntries(given),
    stdout: options.stdout,
    stderr: options.stderr,
    cwd: options.cwd,
    env: options.env,
    signal: options.signal ?? new AbortController().signal,
  };
}
