import { type ChildProcess, fork } from "node:child_process";

/** A child process that answers one message at a time. */
export interface Child<Request extends object, Answer extends { type: string }>
  extends AsyncDisposable {
  /** Its first message. */
  readonly first: Answer;
  ask(request: Request): Promise<Answer>;
}

/** Starts `script` beside this file. @throws Error when it fails, ends early, or answers nothing. */
export async function startChild<Request extends object, Answer extends { type: string }>(
  script: string,
  args: readonly string[] = [],
): Promise<Child<Request, Answer>> {
  const child = fork(new URL(script, import.meta.url), [...args], {
    execArgv: ["--conditions=king-source"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const first = await nextAnswer<Answer>(child, script);
  return {
    first,
    ask(request) {
      const answer = nextAnswer<Answer>(child, script);
      child.send(request);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
  };
}

// Far above any window: a bench that hangs should say where.
const answerDeadlineMs = 120_000;

function nextAnswer<Answer extends { type: string }>(
  child: ChildProcess,
  script: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      clearTimeout(late);
      child.off("message", onMessage);
      child.off("exit", onExit);
      then();
    };
    const onMessage = (message: unknown) => {
      const answer = message as Answer & { message?: string };
      settle(() =>
        answer.type === "failed"
          ? reject(new Error(`${script}: ${answer.message}`))
          : resolve(answer),
      );
    };
    const onExit = (code: number | null, signal: string | null) =>
      settle(() => reject(new Error(`${script} ended with ${code ?? signal}`)));
    const late = setTimeout(
      () => settle(() => reject(new Error(`${script}: no answer in ${answerDeadlineMs} ms`))),
      answerDeadlineMs,
    );
    child.on("message", onMessage);
    child.once("exit", onExit);
  });
}
