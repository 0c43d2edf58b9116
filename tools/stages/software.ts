import {
  commandForNewerGlibc,
  findSoftware,
  type SoftwareName,
  software,
} from "@king-runtime/testkit";
import { runStep } from "../command.ts";
import type { Stage } from "../stage.ts";
import { toolEnvironment } from "../tool-environment.ts";
import { root } from "../workspace.ts";
import { fetchNewerGlibc } from "./newer-glibc.ts";

/**
 * Installs missing software that is neither ours nor on npm from Debian's packages, only when
 * `KING_INSTALL=1` asks for it and we are root; otherwise the tests that need it are skipped, each
 * with a line of its own. A newer glibc is only unpacked, into the cache of this clone.
 */
export const softwareStage: Stage = {
  name: "software",
  async run(report) {
    if (process.env["KING_INSTALL"] !== "1" || process.getuid?.() !== 0) return;
    const names = Object.keys(software) as SoftwareName[];
    const missing = names.filter((name) => findSoftware(name) === undefined);
    if (missing.length > 0) {
      const packages = missing.map((name) => software[name].debianPackage);
      const options = { cwd: root, env: toolEnvironment({ DEBIAN_FRONTEND: "noninteractive" }) };
      await report.check(`apt-get install ${packages.join(" ")}`, async () => {
        await runStep("apt-get", ["update", "-q"], options);
        const install = ["install", "-q", "-y", "--no-install-recommends"];
        await runStep("apt-get", [...install, ...packages], { ...options, timeoutMs: 600_000 });
      });
    }
    for (const name of names) {
      await report.check(name, () => {
        if (findSoftware(name) === undefined) throw new Error(`${name} is not on the path`);
      });
    }
    if (process.arch !== "x64") return;
    await report.check("glibc", async () => {
      if (commandForNewerGlibc("") === undefined) await fetchNewerGlibc();
    });
  },
};
