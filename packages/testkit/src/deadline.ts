/** Options of waiting for something in a test. */
export interface DeadlineOptions {
  /** How long to wait before failing, in milliseconds. @default 10_000 */
  deadlineMs?: number;
}

export const defaultDeadlineMs = 10_000;

/**
 * The outcome of `promise`, or a failure that names `what` was waited for; leaves no timer behind.
 *
 * @param what read after the deadline, so that the message can show how far things had come.
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  what: string | (() => string),
  options: DeadlineOptions = {},
): Promise<T> {
  const deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
  // Made here, so that the stack leads to the caller rather than to a timer.
  const error = new Error();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      error.message = `${typeof what === "string" ? what : what()}: not within ${deadlineMs} ms`;
      reject(error);
    }, deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
