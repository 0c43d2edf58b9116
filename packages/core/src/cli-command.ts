import type { Section } from "./config/section.ts";

/** Where a command writes; `text` is written as it is, a line brings its own line feed. */
export interface CliWriter {
  write(text: string): void;
}

/** A positional argument of a command. */
export interface CliArgument {
  readonly name: string;
  readonly summary: string;
  /** @default false */
  readonly required?: boolean;
}

/** An option of a command: `--name`, or `--name <value>` when it has a `value`. */
export interface CliOption {
  /** In kebab case, without dashes; it is the key in {@link CliContext.options} too. */
  readonly name: string;
  readonly summary: string;
  /** What stands for the value in the help, such as `"path"`; without it the option is a switch. */
  readonly value?: string;
  /** What the command gets when the option is not given; switches start as `false`. */
  readonly default?: string;
}

/** What a command works with: everything it may touch is handed in. */
export interface CliContext {
  /** The positional arguments given, by name. */
  readonly args: Readonly<Record<string, string | undefined>>;
  /** Text of options with a value, `true` or `false` of switches, by name. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly stdout: CliWriter;
  readonly stderr: CliWriter;
  /** Absolute path of the folder the command was started in. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the user interrupts the command. */
  readonly signal: AbortSignal;
}

/** A command as plain data and a function: planes carry no command-line library. */
export interface CliCommand {
  /** One word in kebab case. */
  readonly name: string;
  /** One line for the help, without a full stop. */
  readonly summary: string;
  readonly arguments?: readonly CliArgument[];
  readonly options?: readonly CliOption[];
  /** Does the work and gives the exit code; what it throws is printed and ends with exit code 1. */
  run(context: CliContext): Promise<number>;
}

/**
 * What a plane tells the `king` command, exported as `plane` from its `./cli` entry. Its commands
 * become `king <plane> <command>`, so planes never collide.
 */
export interface CliPlane {
  /** The plane's name, as in the package's name. */
  readonly name: string;
  /** Every config section the plane reads, for `king config`. */
  readonly sections: readonly Section[];
  readonly commands: readonly CliCommand[];
}
