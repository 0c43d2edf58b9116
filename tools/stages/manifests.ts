import { runStep } from "../command.ts";
import type { Stage } from "../stage.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { toolEnvironment } from "../tool-environment.ts";
import { listPackages } from "../workspace.ts";

/** What a package promises in its manifest holds for its files, for every way of importing it. */
export const manifestsStage: Stage = {
  name: "manifests",
  after: ["build"],
  async run(report) {
    await using folder = await temporaryFolder("king-pack-");
    for (const { folder: cwd, name } of listPackages()) {
      const options = { cwd, env: toolEnvironment() };
      await report.check(`publint ${name}`, () => runStep("publint", ["--strict"], options));
      await report.check(`attw ${name}`, async () => {
        const tarball = `${folder.path}/${name}.tgz`;
        await runStep("pnpm", ["pack", "--out", tarball], options);
        await runStep("attw", [tarball, "--profile", "esm-only", "--quiet"], options);
      });
    }
  },
};
