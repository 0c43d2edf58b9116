/**
 * The `king` command: finds the installed planes and adds their commands.
 *
 * @packageDocumentation
 */
export { type FindPlanesOptions, findPlanes, type InstalledPlane } from "./find-planes.ts";
export { type RunCliOptions, runCli } from "./run-cli.ts";
