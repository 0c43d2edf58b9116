import { runStep } from "../command.ts";
import type { Stage } from "../stage.ts";
import { toolEnvironment } from "../tool-environment.ts";
import { root } from "../workspace.ts";

/** Format, lint rules, and nothing unused or undeclared. */
export const formatStage: Stage = {
  name: "format",
  async run(report) {
    const options = { cwd: root, env: toolEnvironment() };
    await report.check("biome (npm run fix mends most of it)", () =>
      runStep("biome", ["check", "--error-on-warnings", "--max-diagnostics=100", "."], options),
    );
    await report.check("knip", () => runStep("knip", ["--no-progress"], options));
  },
};
