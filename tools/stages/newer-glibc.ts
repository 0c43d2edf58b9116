import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { newerGlibc } from "@king-runtime/testkit";
import { runStep } from "../command.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { toolEnvironment } from "../tool-environment.ts";

/**
 * Fetches the packages of {@link newerGlibc} from the mirror that the machine's own packages come from,
 * with an apt whose whole state is in a temporary folder, and unpacks them into the cache of this clone.
 */
export async function fetchNewerGlibc(): Promise<void> {
  await using temporary = await temporaryFolder("king-glibc-");
  const { path: cwd } = temporary;
  const env = toolEnvironment();
  const sources = [
    "indextargets",
    "--format",
    "$(REPO_URI)",
    "Origin: Debian",
    "Created-By: Packages",
  ];
  const { stdout } = await runStep("apt-get", sources, { cwd, env });
  const [mirror] = stdout.split("\n").filter((uri) => !uri.includes("security"));
  if (mirror === undefined || mirror === "") throw new Error("apt knows no mirror of Debian");
  await writeFile(join(cwd, "sources.list"), `deb ${mirror} ${newerGlibc.suite} main\n`);
  await writeFile(join(cwd, "status"), "");
  for (const each of ["lists/partial", "cache/archives/partial", "root"])
    await mkdir(join(cwd, each), { recursive: true });
  const settings = {
    "Dir::Etc::SourceList": join(cwd, "sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::State::Lists": join(cwd, "lists"),
    "Dir::State::Status": join(cwd, "status"),
    "Dir::Cache": join(cwd, "cache"),
    // Only root could become the user it otherwise downloads as, who may not write here.
    "APT::Sandbox::User": "",
  };
  const apt = [
    "-q",
    ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
  ];
  await runStep("apt-get", [...apt, "update"], { cwd, env });
  await runStep("apt-get", [...apt, "download", ...newerGlibc.debianPackages], { cwd, env });
  const unpack = 'for each in ./*.deb; do dpkg-deb -x "$each" root || exit 1; done';
  await runStep("sh", ["-c", unpack], { cwd, env });
  await mkdir(dirname(newerGlibc.folder), { recursive: true });
  // Beside the place first, so that it is there as a whole or not at all.
  const beside = `${newerGlibc.folder}.new`;
  await rm(beside, { recursive: true, force: true });
  await runStep("cp", ["-a", join(cwd, "root"), beside], { cwd, env });
  await rm(newerGlibc.folder, { recursive: true, force: true });
  await rename(beside, newerGlibc.folder);
}
