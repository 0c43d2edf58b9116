import type { CliPlane } from "@king-runtime/core";
import { buildCommand } from "./cli/build-command.ts";
import { checkCommand } from "./cli/check-command.ts";
import { describeCommand } from "./cli/describe-command.ts";
import { iibinSection } from "./config.ts";

/** What the `king` command knows of this plane. */
export const plane: CliPlane = {
  name: "iibin",
  sections: [iibinSection],
  commands: [buildCommand, checkCommand, describeCommand],
};
