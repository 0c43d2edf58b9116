#!/usr/bin/env node
import process from "node:process";

const oldestMajor = 24;

if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
  process.stderr.write(`king: expected Node ${oldestMajor} or later, got ${process.version}\n`);
  process.exitCode = 1;
} else {
  // Loaded after the check above: an older Node cannot even parse the rest.
  const { runCli } = await import("./run-cli.ts");
  const interrupt = new AbortController();
  // The second interrupt finds no handler and ends the process.
  process.once("SIGINT", () => interrupt.abort(new Error("interrupted")));
  // A reader such as `head` may close the pipe early.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  process.exitCode = await runCli({
    argv: process.argv.slice(2),
    cwd: process.cwd(),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: interrupt.signal,
  });
}
