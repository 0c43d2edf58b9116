/** What a tool says of itself; `inputSchema` is a JSON Schema. */
export interface ToolInfo {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

/** Calls tools by name, wherever they run. */
export interface ToolCaller {
  list(options?: { signal?: AbortSignal }): Promise<readonly ToolInfo[]>;
  /** @throws {KingError} of category `missing` for an unknown tool, `validation` for bad input. */
  call(name: string, input: unknown, options?: { signal?: AbortSignal }): Promise<unknown>;
}
