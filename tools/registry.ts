import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { runStep } from "./command.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { toolEnvironment } from "./tool-environment.ts";
import { root } from "./workspace.ts";

/** A package registry of our own on loopback, empty but for what is published to it. */
export interface Registry extends AsyncDisposable {
  readonly url: string;
  /** An environment in which npm, pnpm and lerna talk to this registry and share one fresh cache. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Starts a throwaway registry. Our own packages live only there; every other package is passed on
 * to the registry that this machine's npm is configured for.
 */
export async function openRegistry(): Promise<Registry> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder("king-registry-"));
  const uplink = await npmSetting("registry");
  if (uplink === undefined) throw new Error("npm is not configured for a registry");
  // Certificates that npm trusts beside Node's own; verdaccio has to trust them as well.
  const certificates = await npmSetting("cafile");
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;

  const userConfig = join(folder.path, "npmrc");
  await writeFile(
    userConfig,
    `registry=${url}/\n//127.0.0.1:${port}/:_authToken=local\naudit=false\nfund=false\nupdate-notifier=false\n`,
  );
  const config = join(folder.path, "config.yaml");
  await writeFile(config, registryConfig(folder.path, uplink));

  const server = spawn("verdaccio", ["--config", config, "--listen", `127.0.0.1:${port}`], {
    cwd: root,
    env: toolEnvironment(certificates === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificates }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const output of [server.stdout, server.stderr]) {
    output.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  stack.defer(async () => {
    if (server.exitCode !== null || !server.kill("SIGKILL")) return;
    await once(server, "exit");
  });
  await waitForPing(url, () => {
    if (server.exitCode !== null) throw new Error(`verdaccio ended early\n${log}`);
  });

  const owned = stack.move();
  return {
    url,
    env: toolEnvironment({
      NPM_CONFIG_USERCONFIG: userConfig,
      NPM_CONFIG_REGISTRY: `${url}/`,
      NPM_CONFIG_CACHE: join(folder.path, "npm-cache"),
    }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function registryConfig(folder: string, uplink: string): string {
  const ours = ["@king-runtime/*", "king-runtime"].map(
    (pattern) => `  "${pattern}":\n    access: $all\n    publish: $all\n`,
  );
  return [
    `storage: ${join(folder, "storage")}`,
    "auth:",
    "  htpasswd:",
    `    file: ${join(folder, "htpasswd")}`,
    "uplinks:",
    "  upstream:",
    `    url: ${uplink}`,
    "    timeout: 60s",
    "    max_fails: 20",
    "packages:",
    ...ours.map((entry) => entry.trimEnd()),
    '  "**":',
    "    access: $all",
    "    proxy: upstream",
    "max_body_size: 50mb",
    "log: { type: stdout, format: pretty, level: warn }",
    "",
  ].join("\n");
}

/** A setting of this machine's npm; `undefined` when it is not set. */
async function npmSetting(name: string): Promise<string | undefined> {
  // Asked in the environment we were given: the settings may be there.
  const { stdout } = await runStep("npm", ["config", "get", name], {
    cwd: root,
    env: process.env,
  });
  const value = stdout.trim();
  return ["", "null", "undefined"].includes(value) ? undefined : value;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port was assigned");
  return address.port;
}

async function waitForPing(url: string, assertAlive: () => void): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    assertAlive();
    const answered = await fetch(`${url}/-/ping`).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return;
    if (performance.now() > deadline) throw new Error("verdaccio did not answer within 60 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
