import { spawn } from "node:child_process";

/** What {@link runCommand} needs to know beside the words of the command. */
export interface RunCommandOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** The command and everything it started are killed after this long. @default 300_000 */
  timeoutMs?: number;
}

/** How a command ended. */
export interface CommandResult {
  /** 0 when all went well; 1 when it could not be started, or was killed. */
  exitCode: number;
  /** Standard output alone, for commands whose answer is read. */
  stdout: string;
  /** Both outputs in the order they came. */
  output: string;
}

const running = new Set<() => void>();
let interrupted = false;

/** Kills every command that runs, and starts no further one: what waits for them fails and cleans up. */
export function interruptCommands(): void {
  interrupted = true;
  for (const kill of running) kill();
}

/** Runs a command to its end and keeps what it printed; a failure is a result, not a rejection. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: RunCommandOptions,
): Promise<CommandResult> {
  if (interrupted) return Promise.resolve({ exitCode: 1, stdout: "", output: "interrupted\n" });
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  let stdout = "";
  let output = "";
  // Its own process group, so that a timeout reaches the processes that the command started.
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // The group has ended in the meantime.
    }
  };
  const timeoutMs = options.timeoutMs ?? 300_000;
  const timer = setTimeout(() => {
    output += `\nkilled after ${timeoutMs} ms\n`;
    kill();
  }, timeoutMs);
  running.add(kill);
  const finish = (exitCode: number): void => {
    clearTimeout(timer);
    running.delete(kill);
    resolve({ exitCode, stdout, output });
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.on("error", (error) => {
    output += `${command}: ${error.message}\n`;
    finish(1);
  });
  child.on("close", (code) => finish(code ?? 1));
  return promise;
}

/** Like {@link runCommand}, for steps whose failure ends the work: throws with all that was printed. */
export async function runStep(
  command: string,
  args: readonly string[],
  options: RunCommandOptions,
): Promise<CommandResult> {
  const result = await runCommand(command, args, options);
  if (result.exitCode !== 0) {
    throw new Error(
      `${command} ${args.join(" ")}: exit code ${result.exitCode} in ${options.cwd}\n${result.output}`,
    );
  }
  return result;
}
