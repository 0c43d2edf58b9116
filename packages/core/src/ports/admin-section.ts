/** One page of the admin API: plain data to look at, and actions to take. */
export interface AdminSection {
  /** Its path segment. */
  readonly name: string;
  /** JSON of what is going on; never a secret. */
  read(): unknown | Promise<unknown>;
  /** Actions by name; each is told what it was given, and answers with JSON. */
  readonly actions?: Readonly<Record<string, (input: unknown) => unknown | Promise<unknown>>>;
}
