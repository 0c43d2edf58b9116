import { runStep } from "../command.ts";
import type { Stage } from "../stage.ts";
import { toolEnvironment } from "../tool-environment.ts";
import { root } from "../workspace.ts";

/** The types of every workspace, from sources: nothing has to be built first. */
export const typeCheckStage: Stage = {
  name: "types",
  after: ["build"],
  async run(report) {
    const options = { cwd: root, env: toolEnvironment() };
    await report.check("tsc", () => runStep("tsc", ["--noEmit"], options));
    await report.check("turbo typecheck", () =>
      runStep(
        "turbo",
        ["run", "typecheck", "--output-logs=errors-only", "--continue=always"],
        options,
      ),
    );
  },
};
