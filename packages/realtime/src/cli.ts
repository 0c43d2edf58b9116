import type { CliPlane } from "@king-runtime/core";
import { realtimeSection } from "./config.ts";

/** What the `king` command knows of this plane. */
export const plane: CliPlane = {
  name: "realtime",
  sections: [realtimeSection],
  commands: [],
};
