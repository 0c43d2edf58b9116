import type { CliPlane } from "@king-runtime/core";
import { objectstoreSection } from "./config.ts";

/** What the `king` command knows of this plane. */
export const plane: CliPlane = {
  name: "objectstore",
  sections: [objectstoreSection],
  commands: [],
};
