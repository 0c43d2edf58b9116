/** One page of the admin API: plain data to look at, and actions to take. */
export interface AdminSection {
  /** Its path segment, unique in an API: letters, digits, `.`, `_`, `~` and `-`. */
  readonly name: string;
  /** What it is about, in a sentence. */
  readonly doc?: string;
  /** JSON of what is going on; never a secret. `signal` aborts when nobody waits for it any more. */
  read(context: { readonly signal: AbortSignal }): unknown | Promise<unknown>;
  /**
   * Actions by name, which is a path segment too; each is told what it was given, any JSON or `undefined`, and
   * answers with JSON. `signal` aborts at the deadline, after which the answer reaches nobody.
   */
  readonly actions?: Readonly<
    Record<
      string,
      (
        input: unknown,
        context: { readonly signal: AbortSignal; readonly deadlineMs: number },
      ) => unknown | Promise<unknown>
    >
  >;
}
