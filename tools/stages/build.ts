import { runStep } from "../command.ts";
import type { Stage } from "../stage.ts";
import { toolEnvironment } from "../tool-environment.ts";
import { root } from "../workspace.ts";

/** Builds every published package; turbo repeats nothing that has not changed. */
export const buildStage: Stage = {
  name: "build",
  async run(report) {
    await report.check("turbo build", () =>
      runStep("turbo", ["run", "build", "--output-logs=errors-only", "--continue=always"], {
        cwd: root,
        env: toolEnvironment(),
      }),
    );
  },
};
