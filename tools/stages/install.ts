import { join } from "node:path";
import { runStep } from "../command.ts";
import { checkPackageAlone } from "../install/package-alone.ts";
import { checkTreeShaking } from "../install/tree-shaking.ts";
import { checkUpgrade } from "../install/upgrade.ts";
import { openRegistry } from "../registry.ts";
import type { Stage } from "../stage.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { listPackages, root } from "../workspace.ts";

/** The built packages as a user gets them: published, installed, imported, run, upgraded, bundled. */
export const installStage: Stage = {
  name: "install",
  after: ["build", "manifests"],
  async run(report) {
    await using folder = await temporaryFolder("king-install-");
    await using registry = await openRegistry();
    await report.check("publish to a local registry", () =>
      runStep("pnpm", ["-r", "publish", "--no-git-checks", "--registry", `${registry.url}/`], {
        cwd: root,
        env: registry.env,
      }),
    );
    for (const workspace of listPackages()) {
      await checkPackageAlone(workspace, registry, join(folder.path, workspace.name), report);
    }
    const appOf = (name: string) => ({ folder: join(folder.path, name), env: registry.env });
    await checkTreeShaking(appOf("king-runtime"), report);
    await report.check("a patch of core reaches an app without touching transport", () =>
      checkUpgrade(registry, appOf("transport"), join(folder.path, "clone")),
    );
  },
};
