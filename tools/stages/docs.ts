import { runStep } from "../command.ts";
import type { Stage } from "../stage.ts";
import { toolEnvironment } from "../tool-environment.ts";
import { root } from "../workspace.ts";

/** The generated pages of docs/ say what the sources say. */
export const docsStage: Stage = {
  name: "docs",
  async run(report) {
    await report.check("docs are up to date (npm run docs)", () =>
      runStep(process.execPath, ["--conditions=king-source", "tools/docs.ts", "--check"], {
        cwd: root,
        env: toolEnvironment(),
      }),
    );
  },
};
