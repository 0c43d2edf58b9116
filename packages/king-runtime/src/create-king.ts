import {
  type Component,
  type Config,
  type CreateSystemOptions,
  createSystem,
  type DrainReport,
  type Section,
  type System,
} from "@king-runtime/core";
import { type RunOptions, runUntilSignal } from "@king-runtime/core/node";

/** Options of {@link createKing}. */
export interface CreateKingOptions<S extends Section>
  extends Omit<CreateSystemOptions, "components"> {
  /** The parts of the application, each given the same config. */
  components: (config: Config<S>) => readonly Component[];
}

/** An application: a system, and the config all of it was made with. */
export interface King<S extends Section> extends System {
  readonly config: Config<S>;
  /** Starts, waits for SIGINT or SIGTERM, drains, and gives the report; see `runUntilSignal`. */
  run(options?: RunOptions): Promise<DrainReport>;
}

/**
 * Puts an application together from one config snapshot; nothing starts yet.
 *
 * @throws {KingError} KING_SYSTEM_INVALID
 */
export function createKing<S extends Section>(
  config: Config<S>,
  options: CreateKingOptions<S>,
): King<S> {
  const { components, ...systemOptions } = options;
  const system = createSystem({ ...systemOptions, components: components(config) });
  return Object.assign(system, {
    config,
    run: (runOptions?: RunOptions) => runUntilSignal(system, runOptions),
  });
}
