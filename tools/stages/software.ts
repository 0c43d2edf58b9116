import { runCommand, runStep } from "../command.ts";
import type { Stage } from "../stage.ts";
import { toolEnvironment } from "../tool-environment.ts";
import { root } from "../workspace.ts";

/** Software that is not ours and not on npm, by the command that proves its presence. */
const debianPackages = { chromium: "chromium", curl: "curl" };

/**
 * Installs missing software from Debian's packages, only when `KING_INSTALL=1` asks for it and we
 * are root; otherwise the tests that need it are skipped, each with a line of its own.
 */
export const softwareStage: Stage = {
  name: "software",
  async run(report) {
    if (process.env["KING_INSTALL"] !== "1" || process.getuid?.() !== 0) return;
    const options = {
      cwd: root,
      env: toolEnvironment({ DEBIAN_FRONTEND: "noninteractive" }),
    };
    const missing: string[] = [];
    for (const [command, name] of Object.entries(debianPackages)) {
      const found = await runCommand("sh", ["-c", `command -v ${command}`], options);
      if (found.exitCode === 0) await report.check(command, () => undefined);
      else missing.push(name);
    }
    if (missing.length === 0) return;
    await report.check(`apt-get install ${missing.join(" ")}`, async () => {
      await runStep("apt-get", ["update", "-q"], options);
      await runStep(
        "apt-get",
        ["install", "-q", "-y", "--no-install-recommends", ...missing],
        options,
      );
    });
  },
};
