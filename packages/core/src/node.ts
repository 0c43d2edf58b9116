/**
 * The parts of core that need Node: reading the operator's files, signals.
 *
 * @packageDocumentation
 */
export { environmentFrom } from "./node/environment-from.ts";
export { readOperatorFile } from "./node/operator-file.ts";
export { type RunOptions, runUntilSignal } from "./node/run-until-signal.ts";
