import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { root } from "./workspace.ts";

const require = createRequire(import.meta.url);

/**
 * The environment that tools are started with: ours first on the path, no telemetry, and nothing
 * of the npm that started us, whose settings would otherwise reach the package managers below.
 */
export function toolEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_/i.test(name) && !name.startsWith("KING_") && name !== "NODE_OPTIONS",
  );
  return {
    ...Object.fromEntries(inherited),
    PATH: [join(root, "node_modules/.bin"), process.env["PATH"] ?? ""].join(delimiter),
    DO_NOT_TRACK: "1",
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_NO_UPDATE_NOTIFIER: "1",
    NX_DAEMON: "false",
    NO_UPDATE_NOTIFIER: "1",
    NO_COLOR: "1",
    ...extra,
  };
}

/** The variables that steer our own tests; they reach vitest and nothing else. */
export function testSwitches(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name.startsWith("KING_")),
  );
}

/** The Node that `KING_NODE` asks for: 24 is the oldest supported, otherwise the pinned one. */
export function chosenNode(): string {
  return process.env["KING_NODE"] === "24" ? (oldestNode() ?? process.execPath) : process.execPath;
}

/** The oldest Node that packages support, where npm carries it for this platform. */
export function oldestNode(): string | undefined {
  try {
    return join(require.resolve("node-24/package.json"), "../bin/node");
  } catch {
    return undefined;
  }
}
