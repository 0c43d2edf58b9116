import type { CliPlane } from "@king-runtime/core";
import { httpSection, requestSection, tlsSection } from "./config.ts";

/** What the `king` command knows of this plane. */
export const plane: CliPlane = {
  name: "transport",
  sections: [httpSection, tlsSection, requestSection],
  commands: [],
};
