import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { type DeadlineOptions, withDeadline } from "./deadline.ts";

/** Options of {@link startProcess}. */
export interface StartProcessOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Added to the inherited environment, from which every `KING_*` variable has been taken out. */
  readonly env?: Readonly<Record<string, string>>;
  /** A line of standard output that says it is ready; without one, being spawned is enough. */
  readonly ready?: RegExp;
  /** How long `ready` may take, in milliseconds. @default 10_000 */
  readonly readyDeadlineMs?: number;
  /** Bytes for its standard input, which is then closed. @default none: closed at once */
  readonly input?: string | Uint8Array;
}

/** How a process ended. */
export interface ProcessExit {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a process used, at one instant. */
export interface ProcessSample {
  /** Resident memory, in bytes. */
  readonly rssBytes: number;
  /** User and system time since it started, in milliseconds; a resolution of 10 ms. */
  readonly cpuMs: number;
}

/** A process that the test started and that ends with the test. */
export interface TestProcess extends AsyncDisposable {
  readonly pid: number;
  /** What `ready` matched; empty without one. */
  readonly ready: readonly string[];
  /** Everything it wrote so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when it has ended and its output is read to the end; never rejects. */
  readonly exited: Promise<ProcessExit>;
  /** Waits for a line of standard output, past or to come. */
  line(pattern: RegExp, options?: DeadlineOptions): Promise<RegExpMatchArray>;
  /** What it uses now. @throws Error when it has ended. */
  sample(): Promise<ProcessSample>;
  /** Sends a signal to this process alone, and resolves when it has ended. @default "SIGKILL" */
  kill(signal?: NodeJS.Signals): Promise<ProcessExit>;
}

/** The environment for a child: ours without the variables that steer our own tools. */
export function childEnvironment(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("KING_"));
  return { ...Object.fromEntries(inherited), ...added };
}

/**
 * Starts a program and waits until it is ready. Disposing ends it: SIGTERM first, SIGKILL after
 * five seconds.
 *
 * @throws Error with its output when it ends, or the deadline passes, before it is ready.
 */
export async function startProcess(options: StartProcessOptions): Promise<TestProcess> {
  const child = spawn(options.command, [...(options.args ?? [])], {
    cwd: options.cwd,
    env: childEnvironment(options.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const started = new StartedProcess(child);
  // A program that ends without reading its input is no fault of the test.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(new Error(`${options.command} could not be started`, { cause })),
    );
  });
  if (options.ready) {
    try {
      const match = await started.line(options.ready, {
        ...(options.readyDeadlineMs === undefined ? {} : { deadlineMs: options.readyDeadlineMs }),
      });
      started.ready = [...match];
    } catch (error) {
      await started.kill();
      throw error;
    }
  }
  return started;
}

/** Options of {@link startNode}. */
export interface StartNodeOptions extends Omit<StartProcessOptions, "command"> {
  /** Flags for Node itself. @default ["--conditions=king-source"] */
  readonly nodeArgs?: readonly string[];
}

/** Starts a script of this repository, from its sources, on the Node that runs the tests. */
export function startNode(script: string, options: StartNodeOptions = {}): Promise<TestProcess> {
  const nodeArgs = options.nodeArgs ?? ["--conditions=king-source"];
  return startProcess({
    ...options,
    command: process.execPath,
    args: [...nodeArgs, script, ...(options.args ?? [])],
  });
}

/** Runs a program to its end. @throws Error at the deadline, after killing it. */
export async function runProcess(
  options: Omit<StartProcessOptions, "ready" | "readyDeadlineMs"> & DeadlineOptions,
): Promise<ProcessExit & { readonly stdout: string; readonly stderr: string }> {
  await using started = await startProcess(options);
  const what = () =>
    `the end of ${[options.command, ...(options.args ?? [])].join(" ")}; it wrote ${started.stderr()}`;
  try {
    const exit = await withDeadline(started.exited, what, options);
    return { ...exit, stdout: started.stdout(), stderr: started.stderr() };
  } catch (error) {
    await started.kill();
    throw error;
  }
}

class StartedProcess implements TestProcess {
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #ended = false;
  ready: readonly string[] = [];
  readonly exited: Promise<ProcessExit>;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#notify();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#ended = true;
        this.#notify();
        resolve({ code, signal });
      };
      child.once("close", end);
      child.once("error", () => end(null, null));
    });
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  stdout(): string {
    return this.#stdout;
  }

  stderr(): string {
    return this.#stderr;
  }

  async line(pattern: RegExp, options?: DeadlineOptions): Promise<RegExpMatchArray> {
    let watcher: (() => void) | undefined;
    const found = new Promise<RegExpMatchArray>((resolve, reject) => {
      watcher = () => {
        // Only whole lines: a match in half a line could lack its second half.
        const whole = this.#stdout.slice(0, this.#stdout.lastIndexOf("\n") + 1);
        let match: RegExpMatchArray | null = null;
        for (const line of whole.split("\n")) match ??= line.match(pattern);
        if (match) resolve(match);
        else if (this.#ended)
          reject(new Error(`it ended before a line ${pattern}; ${this.#outputs()}`));
      };
      this.#watchers.add(watcher);
      watcher();
    });
    try {
      return await withDeadline(found, () => `a line ${pattern}; ${this.#outputs()}`, options);
    } finally {
      if (watcher) this.#watchers.delete(watcher);
    }
  }

  #outputs(): string {
    return `standard output: ${this.#stdout.slice(-2_000)}, standard error: ${this.#stderr.slice(-2_000)}`;
  }

  sample(): Promise<ProcessSample> {
    return sampleProcess(this.pid);
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): Promise<ProcessExit> {
    if (!this.#ended) this.#child.kill(signal);
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#child.kill("SIGTERM");
    const late = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.exited;
    clearTimeout(late);
  }
}

const run = promisify(execFile);

/** Memory and processor time of the process `pid`: from `/proc` on Linux, else from `ps`. */
export async function sampleProcess(pid: number): Promise<ProcessSample> {
  if (process.platform === "linux") {
    const [status, stat] = await Promise.all([
      readFile(`/proc/${pid}/status`, "utf8"),
      readFile(`/proc/${pid}/stat`, "utf8"),
    ]);
    const rssKib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    if (rssKib === undefined) throw new Error(`process ${pid} has ended`);
    // The command name, in parentheses, may hold anything; fields are counted behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    // The kernel's USER_HZ is 100 on every architecture Node runs on.
    return { rssBytes: Number(rssKib) * 1_024, cpuMs: ticks * 10 };
  }
  const { stdout } = await run("ps", ["-o", "rss=,time=", "-p", String(pid)]);
  const [rssKib, time] = stdout.trim().split(/\s+/);
  return { rssBytes: Number(rssKib) * 1_024, cpuMs: parseCpuTime(time ?? "") };
}

/** Milliseconds of `ps`'s `[[days-]hours:]minutes:seconds[.hundredths]`. */
export function parseCpuTime(text: string): number {
  const [clock = "", days = "0"] = text.split("-").reverse();
  const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return Math.round((Number(days) * 86_400 + seconds) * 1_000);
}
