import type { CliPlane } from "@king-runtime/core";
import { bucketWatchSection } from "./config.ts";

/** What the `king` command knows of this application. */
export const plane: CliPlane = {
  name: "bucket-watch",
  sections: [bucketWatchSection],
  commands: [],
};
